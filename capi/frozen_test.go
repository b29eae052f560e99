package main

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// frozen are the numbers that were ever given out, with the names they were
// given to. A line may be added; none is changed, taken away or used again. One
// whose error is no longer made stays here and in the header.
var frozen = map[string]int{
	"INVALID_ARGUMENT":                    1001,
	"INVALID_CONFIGURATION":               1002,
	"INVALID_TOKEN_REQUEST":               1003,
	"INVALID_KEY":                         1004,
	"INVALID_HANDLE":                      1005,
	"OUT_OF_ORDER":                        1006,
	"NO_TOKEN":                            1007,
	"BUFFER_TOO_SMALL":                    1008,
	"CLOSED":                              1009,
	"FORKED":                              1010,
	"POISONED":                            1011,
	"INTERNAL":                            1012,
	"CANCELLED":                           1013,
	"DEADLINE_EXCEEDED":                   1014,
	"NO_SIGNER":                           1015,
	"NO_TRANSPORT":                        1016,
	"SIGNING_FAILED":                      1017,
	"INVALID_SIGNATURE":                   1018,
	"RANDOM_FAILED":                       1019,
	"NO_MEMORY":                           1020,
	"REENTRANT":                           1021,
	"CONNECTION_FAILED":                   1101,
	"TIMEOUT":                             1102,
	"TLS_FAILED":                          1103,
	"GRANT_MALFORMED":                     1201,
	"GRANT_REUSED":                        1202,
	"CLIENT_UNKNOWN":                      1203,
	"AUDIENCE_WRONG":                      1204,
	"CERTIFICATE_INVALID":                 1205,
	"KEY_EXPIRED":                         1206,
	"ORGANIZATION_MISMATCH":               1207,
	"X5C_MALFORMED":                       1208,
	"SIGNATURE_REJECTED":                  1209,
	"KID_UNKNOWN":                         1210,
	"KID_REQUIRED":                        1211,
	"GRANT_EXPIRED":                       1212,
	"ISSUED_IN_FUTURE":                    1213,
	"LIFETIME_TOO_LONG":                   1214,
	"CONSUMER_ORG_INVALID":                1215,
	"SCOPE_NOT_REGISTERED":                1216,
	"SCOPE_NOT_ALLOWED":                   1217,
	"ACCESS_NOT_GRANTED":                  1218,
	"NOT_DELEGATED":                       1219,
	"AUTHORIZATION_DETAILS_TYPE_UNKNOWN":  1220,
	"AUTHORIZATION_DETAILS_FIELD_UNKNOWN": 1221,
	"AUTHORIZATION_DETAILS_INVALID":       1222,
	"REJECTED":                            1223,
	"SUBJECT_TOKEN_REJECTED":              1224,
	"RATE_LIMITED":                        1225,
	"SERVER_ERROR":                        1226,
	"REDIRECTED":                          1227,
	"UNEXPECTED_STATUS":                   1228,
	"INVALID_RESPONSE":                    1229,
	"SCOPE_REDUCED":                       1230,
	"RESPONSE_TOO_LARGE":                  1231,
	"METADATA_MISMATCH":                   1232,
}

func TestErrorNumbersAreNeverReused(t *testing.T) {
	header := map[string]int{}
	for _, match := range regexp.MustCompile(`(?m)^  MP_ERROR_(\w+) = (\d+),?$`).FindAllStringSubmatch(source(t, "include/maskinporten.h"), -1) {
		number, err := strconv.Atoi(match[2])
		if err != nil {
			t.Fatal(err)
		}
		header[match[1]] = number
	}
	for name, number := range frozen {
		if header[name] != number {
			t.Errorf("MP_ERROR_%s is %d in the header; it was given %d for good", name, header[name], number)
		}
	}
	for name, number := range header {
		if _, known := frozen[name]; !known {
			t.Errorf("MP_ERROR_%s = %d is new: add it to the frozen numbers", name, number)
		}
	}
	seen := map[int]bool{}
	for _, number := range frozen {
		if seen[number] {
			t.Errorf("the number %d was given out twice", number)
		}
		seen[number] = true
	}
}

// declarations is the header without its comments and directives.
func declarations(t *testing.T) string {
	header := regexp.MustCompile(`(?s)/\*.*?\*/`).ReplaceAllString(source(t, "include/maskinporten.h"), "")
	return regexp.MustCompile(`(?m)^#.*$`).ReplaceAllString(header, "")
}

// F82: nothing calls back. No function takes a pointer to a function, and there
// is no type that could hold one, so no callback can be NULL, jump or throw.
func TestF82NoCallbacks(t *testing.T) {
	text := declarations(t)
	if found := regexp.MustCompile(`\(\s*\*`).FindString(text); found != "" {
		t.Errorf("the header has a pointer to a function: %s", found)
	}
	for _, declaration := range regexp.MustCompile(`(?s)MP_API [^;]*;`).FindAllString(text, -1) {
		if strings.Contains(declaration, "void *") && !strings.HasPrefix(declaration, "MP_API void mp_buf_free(") {
			t.Errorf("a parameter without a type: %s", declaration)
		}
	}
}

// F83: what could differ in size between two versions does not cross the
// border. The one struct is fixed; all that grows is JSON.
func TestF83OneStruct(t *testing.T) {
	structs := regexp.MustCompile(`(?s)(?:struct|union)\s+(\w*)\s*\{(.*?)\}`).FindAllStringSubmatch(declarations(t), -1)
	if len(structs) != 1 || structs[0][1] != "mp_buf" {
		t.Fatalf("the header has other structs than mp_buf: %q", structs)
	}
	if members := strings.Join(strings.Fields(structs[0][2]), " "); members != "uint8_t *data; size_t len;" {
		t.Errorf("mp_buf is { %s }", members)
	}
}

// The tests of the border know every function: F68 in a forked child, and the
// rows of misuse. A function that is added is added there.
func TestEveryFunctionIsTested(t *testing.T) {
	child := source(t, "tests/process/fork.c")
	files, err := filepath.Glob("tests/*.c")
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all += string(text)
	}
	declared := regexp.MustCompile(`\bmp_\w+\(`).FindAllString(declarations(t), -1)
	if len(declared) < 30 {
		t.Fatalf("only %d functions were found", len(declared))
	}
	for _, call := range slices.Sorted(maps.Keys(set(declared))) {
		if !strings.Contains(child, call) {
			t.Errorf("tests/process/fork.c does not call %s)", call)
		}
		if !strings.Contains(all, call) {
			t.Errorf("capi/tests does not call %s)", call)
		}
	}
}

func set(list []string) map[string]bool {
	members := map[string]bool{}
	for _, member := range list {
		members[member] = true
	}
	return members
}
