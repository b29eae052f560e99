/*
 * bench.c - what the C interface costs, as rows of the table.
 *
 *   bench LIBRARY CONFIG
 *
 * LIBRARY is libmaskinporten with one more export, mp_bench_noop, which enters
 * Go and does nothing. CONFIG is a file for mp_client_new.
 */
#define _GNU_SOURCE
#include <maskinporten.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum { CALLS = 2000, TURNS = 301, THREADED_CALLS = 100000, THREADED_TURNS = 21, LOADS = 9 };

/* Counts what the process allocates, whoever asks. */
extern void *__libc_malloc(size_t size);
static unsigned long mallocs;
void *malloc(size_t size) {
  __atomic_add_fetch(&mallocs, 1, __ATOMIC_RELAXED);
  return __libc_malloc(size);
}

static void (*noop)(void);
static int32_t (*client_new)(const char *, size_t, uint64_t *, mp_buf *);
static int32_t (*source_new)(uint64_t, const char *, size_t, uint64_t *, mp_buf *);
static int32_t (*source_token)(uint64_t, int64_t, mp_buf *, mp_buf *);
static int32_t (*source_peek)(uint64_t, char *, size_t, size_t *, int64_t *, int32_t *, int64_t *);
static uint64_t source;

static void die(const char *what, const char *why) {
  fprintf(stderr, "bench: %s: %s\n", what, why ? why : "?");
  exit(1);
}

static void check(const char *what, int32_t status, const mp_buf *error) {
  if (status != MP_OK) die(what, (const char *)error->data);
}

static void find(void *library, const char *name, void *function) {
  void *address = dlsym(library, name);
  if (address == NULL) die(name, dlerror());
  memcpy(function, &address, sizeof address);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* A number of /proc/self/status: "VmRSS:" in KiB, "Threads:". */
static double of_process(const char *name) {
  char line[256];
  double number = 0;
  FILE *status = fopen("/proc/self/status", "r");
  while (status && fgets(line, sizeof line, status))
    if (strncmp(line, name, strlen(name)) == 0) number = atof(line + strlen(name));
  if (status) fclose(status);
  return number;
}

static void *load(const char *path) {
  void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) die("dlopen", dlerror());
  find(library, "mp_bench_noop", &noop);
  noop();
  return library;
}

/* A client, its source, and the first token. */
static void first_token(void *library, const char *config, size_t size) {
  static const char request[] = "{\"scopes\": [\"bench:read\"]}";
  mp_buf out = MP_BUF_INIT, error = MP_BUF_INIT;
  uint64_t client;
  unsigned long before;
  find(library, "mp_client_new", &client_new);
  find(library, "mp_source_new", &source_new);
  find(library, "mp_source_token", &source_token);
  find(library, "mp_source_peek", &source_peek);
  check("mp_client_new", client_new(config, size, &client, &error), &error);
  check("mp_source_new", source_new(client, request, sizeof request - 1, &source, &error), &error);
  before = mallocs;
  check("mp_source_token", source_token(source, -1, &out, &error), &error);
  if (mallocs == before) die("malloc", "the library's calls are not counted");
}

/* What loading costs: nanoseconds, and KiB of memory; and what there is when the
 * first token has come. In a process of its own, forked before the library is in
 * this one. */
struct cost {
  double ns, kib, token_kib, token_threads;
};

static struct cost cost_of_loading(const char *path, const char *config, size_t size) {
  struct cost cost = {0, 0, 0, 0};
  int ends[2];
  pid_t child;
  if (pipe(ends) != 0 || (child = fork()) < 0) die("fork", "failed");
  if (child == 0) {
    double before = of_process("VmRSS:"), start = now();
    void *library = load(path);
    cost.ns = now() - start;
    cost.kib = of_process("VmRSS:") - before;
    first_token(library, config, size);
    cost.token_kib = of_process("VmRSS:") - before;
    cost.token_threads = of_process("Threads:");
    _exit(write(ends[1], &cost, sizeof cost) == sizeof cost ? 0 : 1);
  }
  if (read(ends[0], &cost, sizeof cost) != sizeof cost) die("load", "the child process failed");
  close(ends[0]);
  close(ends[1]);
  waitpid(child, NULL, 0);
  return cost;
}

static void enter(int calls) {
  while (calls-- > 0) noop();
}

static void peek(int calls) {
  char token[4096];
  size_t length;
  int64_t usable;
  int32_t due;
  while (calls-- > 0)
    if (source_peek(source, token, sizeof token, &length, &usable, &due, NULL) != MP_OK) die("mp_source_peek", "no token");
}

static void *peek_often(void *unused) {
  (void)unused;
  peek(THREADED_CALLS);
  return NULL;
}

static void *enter_often(void *unused) {
  (void)unused;
  enter(THREADED_CALLS);
  return NULL;
}

static double timed(void (*work)(int)) {
  double start = now();
  work(CALLS);
  return (now() - start) / CALLS;
}

/* Nanoseconds until each of so many threads has done its THREADED_CALLS. */
static double crowd(int threads, void *(*work)(void *)) {
  pthread_t started[2];
  double start = now();
  int i;
  for (i = 0; i < threads; i++)
    if (pthread_create(&started[i], NULL, work, NULL) != 0) die("pthread_create", "failed");
  for (i = 0; i < threads; i++) pthread_join(started[i], NULL);
  return now() - start;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double median(double *values, int count) {
  qsort(values, (size_t)count, sizeof *values, ascending);
  return values[count / 2];
}

/* How much more two threads get done than one. */
static double gain(void *(*work)(void *)) {
  double gains[THREADED_TURNS];
  int i;
  for (i = 0; i < THREADED_TURNS; i++) gains[i] = 2 * crowd(1, work) / crowd(2, work);
  return median(gains, THREADED_TURNS);
}

static const char *met(int yes) { return yes ? "yes" : "**no**"; }

/* Readings from a stack that is not the thread's, as coroutines and some FFI
 * layers call. */
static ucontext_t own_stack, foreign_stack;
static double foreign[TURNS];

static void peek_there(void) {
  int i;
  peek(CALLS);
  for (i = 0; i < TURNS; i++) foreign[i] = timed(peek);
}

static double peek_from_foreign_stack(void) {
  enum { STACK = 256 * 1024 };
  void *stack = malloc(STACK);
  if (stack == NULL || getcontext(&foreign_stack) != 0) die("foreign stack", "cannot be made");
  foreign_stack.uc_stack.ss_sp = stack;
  foreign_stack.uc_stack.ss_size = STACK;
  foreign_stack.uc_link = &own_stack;
  makecontext(&foreign_stack, peek_there, 0);
  swapcontext(&own_stack, &foreign_stack);
  free(stack);
  return median(foreign, TURNS);
}

int main(int argc, char **argv) {
  static char config[65536];
  static double peeks[TURNS], noops[TURNS], ratios[TURNS];
  size_t size;
  unsigned long before;
  double ratio, ns[LOADS], kib[LOADS], token_kib[LOADS], threads[LOADS];
  void *library;
  FILE *file;
  int i;

  if (argc != 3) die("usage", "bench LIBRARY CONFIG");
  if ((file = fopen(argv[2], "r")) == NULL) die("config", "cannot be read");
  size = fread(config, 1, sizeof config, file);
  fclose(file);
  for (i = 0; i < LOADS; i++) {
    struct cost cost = cost_of_loading(argv[1], config, size);
    ns[i] = cost.ns;
    kib[i] = cost.kib;
    token_kib[i] = cost.token_kib;
    threads[i] = cost.token_threads;
  }
  library = load(argv[1]);
  first_token(library, config, size);

  enter(CALLS);
  peek(CALLS);
  for (i = 0; i < TURNS; i++) {
    peeks[i] = timed(peek);
    noops[i] = timed(enter);
    ratios[i] = peeks[i] / noops[i];
  }
  ratio = median(ratios, TURNS);
  printf("| C: cached token into the caller's buffer | an exported no-op | %.2f (%.0f ns / %.0f ns) | ≤ 2.5 | %s |\n", ratio,
         median(peeks, TURNS), median(noops, TURNS), met(ratio <= 2.5));

  before = mallocs;
  peek(CALLS);
  before = mallocs - before;
  printf("| - calls of malloc in %d readings | - | %lu | 0 | %s |\n", CALLS, before, met(before == 0));

  ratio = gain(peek_often);
  printf("| - two threads | one thread, throughput | %.2f | ≥ 1.3 | %s |\n", ratio, met(ratio >= 1.3));
  printf("| - the no-op, two threads | one thread, throughput | %.2f | - | - |\n", gain(enter_often));

  ratio = peek_from_foreign_stack();
  printf("| - from a foreign stack on the main thread | the thread's own stack | %.2f (%.0f ns) | ≤ 2 | %s |\n",
         ratio / median(peeks, TURNS), ratio, met(ratio <= 2 * median(peeks, TURNS)));

  ratio = median(ns, LOADS) / 10e6;
  printf("| C: load the library and call it once | 10 ms | %.2f (%.1f ms) | ≤ 1 | %s |\n", ratio, ratio * 10, met(ratio <= 1));
  ratio = median(kib, LOADS) / 10240;
  printf("| - memory it adds (RSS) | 10 MiB | %.2f (%.1f MiB) | ≤ 1 | %s |\n", ratio, ratio * 10, met(ratio <= 1));
  printf("| - memory added when the first token has come | - | %.1f MiB | - | - |\n", median(token_kib, LOADS) / 1024);
  printf("| - threads of the process then | - | %.0f | - | - |\n", median(threads, LOADS));
  return 0;
}
