package core

// esealProblems checks what only a client without a registration has to have.
// Its certificate is all that Maskinporten knows of it, so that the whole chain
// must be there to be checked against the trusted lists of the EU.
func esealProblems(config ClientConfig) []Problem {
	if !config.ESeal {
		return nil
	}
	var list []Problem
	for i, key := range config.allKeys() {
		field := "key"
		if i > 0 {
			field = "next_keys[" + itoa(i-1) + "]"
		}
		if key.KeyID != "" {
			list = append(list, Problem{field + ".kid", "an eSeal is not registered at Maskinporten, so that its key has no kid",
				"Leave kid out and give the certificate chain of the eSeal."})
		}
		switch len(key.CertificateChain) {
		case 0:
			list = append(list, Problem{field + ".x5c", "an eSeal's certificate chain is missing", "Give the whole chain: the certificate of the eSeal and those of its issuers."})
		case 1:
			list = append(list, Problem{field + ".x5c", "the chain has the eSeal's own certificate only", "Add the certificates of its issuers; Maskinporten wants the whole chain of an eSeal."})
		}
	}
	return list
}
