package sandbox

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The controls that change who is registered and who may do what. Each change
// makes a new world, which must be a valid one, and then takes the place of the
// old at once; a change that is refused changes nothing.

// Config returns the configuration that the sandbox serves now. It shares
// nothing with the sandbox: change it and give it to Reconfigure.
func (s *Server) Config() Config { return must(s.world.Load().config.clone()) }

// change lets edit change the configuration.
func (s *Server) change(edit func(*Config) error) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	config := s.Config()
	if err := edit(&config); err != nil {
		return err
	}
	world, err := newWorld(config)
	if err != nil {
		return err
	}
	s.world.Store(world)
	return nil
}

// overview is what there is, without any of it.
func (s *Server) overview(controlRequest) (any, error) {
	type described struct {
		Method string `json:"method"`
		Path   string `json:"path"`
		Does   string `json:"does"`
	}
	var list []described
	for _, c := range controls() {
		method, path, _ := strings.Cut(c.pattern, " ")
		list = append(list, described{method, strings.TrimSuffix(path, "{$}"), c.does})
	}
	config := s.world.Load().config
	size := map[string]int{"clients": len(config.Clients), "faults": len(s.faults.left())}
	for _, c := range collections() {
		size[c.name] = c.size(config)
	}
	return map[string]any{
		"url": s.url, "issuer": s.issuer(), "clock_offset_seconds": time.Duration(s.offset.Load()).Seconds(),
		"size": size, "controls": list,
	}, nil
}

// clientControls are those of client registrations.
func clientControls() []control {
	const all, one, keys = controlPath + "/clients", controlPath + "/clients/{id}", controlPath + "/clients/{id}/keys"
	return []control{
		{"GET " + all, "the registered clients", func(s *Server, _ controlRequest) (any, error) {
			return append([]Client{}, s.world.Load().config.Clients...), nil
		}},
		{"GET " + one, "one client", func(s *Server, r controlRequest) (any, error) {
			config := s.world.Load().config
			i, err := config.findClient(r)
			if err != nil {
				return nil, err
			}
			return config.Clients[i], nil
		}},
		{"PUT " + one, "register or replace a client: organization, scopes, keys", (*Server).putClient},
		{"DELETE " + one, "end a client, on the systems that it is on too", func(s *Server, r controlRequest) (any, error) {
			return nil, s.changeClient(r, func(config *Config, i int) error {
				config.Clients = slices.Delete(config.Clients, i, i+1)
				for u := range config.SystemUsers {
					user := &config.SystemUsers[u]
					user.Clients = slices.DeleteFunc(user.Clients, func(id string) bool { return id == r.PathValue("id") })
				}
				return nil
			})
		}},
		{"PUT " + keys, `replace the keys of a client by those of a JWK set: {"keys": [...]}`, func(s *Server, r controlRequest) (any, error) {
			var set struct {
				Keys []Key `json:"keys"`
			}
			if err := decodeStrict(r.body, &set); err != nil {
				return nil, fmt.Errorf("the body is not a set of public JWKs: %w", err)
			}
			return nil, s.changeClient(r, func(config *Config, i int) error {
				config.Clients[i].Keys = set.Keys
				return nil
			})
		}},
	}
}

func (s *Server) putClient(r controlRequest) (any, error) {
	var client Client
	if err := decodeStrict(r.body, &client); err != nil {
		return nil, fmt.Errorf("the body is not a client: %w", err)
	}
	id := r.PathValue("id")
	if client.ClientID != "" && client.ClientID != id {
		return nil, fmt.Errorf("client_id %q is not the id in the path; leave it out", shorten(client.ClientID))
	}
	client.ClientID = id
	return nil, s.change(func(config *Config) error {
		if i, err := config.findClient(r); err == nil {
			config.Clients[i] = client
		} else {
			config.Clients = append(config.Clients, client)
		}
		return nil
	})
}

func (s *Server) changeClient(r controlRequest, edit func(config *Config, i int) error) error {
	return s.change(func(config *Config) error {
		i, err := config.findClient(r)
		if err != nil {
			return err
		}
		return edit(config, i)
	})
}

// findClient returns where the client of the path is.
func (c *Config) findClient(r controlRequest) (int, error) {
	id := r.PathValue("id")
	i := slices.IndexFunc(c.Clients, func(client Client) bool { return client.ClientID == id })
	if i < 0 {
		return 0, fmt.Errorf("%w: no client %q is registered; GET %s/clients lists those that are", errNotThere, shorten(id), controlPath)
	}
	return i, nil
}

// access says that an organization was granted a scope. In a configuration it
// is a member of the scope.
type access struct {
	Scope        string `json:"scope"`
	Organization string `json:"organization"`
}

// collection is a list of the configuration whose members come and go one by one.
type collection struct {
	name string
	key  []string // the members by which one is told from another
	size func(Config) int
	get  func(Config) any
	// add puts in what the body has, in place of what has the same key.
	add func(*Config, []byte) error
	// remove takes out what has the key of the query.
	remove func(*Config, []string) (bool, error)
}

func collections() []collection {
	return []collection{
		listed("organizations", func(c *Config) *[]Organization { return &c.Organizations },
			func(o Organization) []string { return []string{o.Number} }, "number"),
		listed("scopes", func(c *Config) *[]Scope { return &c.Scopes },
			func(s Scope) []string { return []string{s.Name} }, "name"),
		listed("delegations", func(c *Config) *[]Delegation { return &c.Delegations },
			func(d Delegation) []string { return []string{d.Scope, d.From, d.To} }, "scope", "from", "to"),
		listed("system_users", func(c *Config) *[]SystemUser { return &c.SystemUsers },
			func(u SystemUser) []string { return []string{u.ID} }, "id"),
		listed("consents", func(c *Config) *[]Consent { return &c.Consents },
			func(c Consent) []string { return []string{c.ID} }, "id"),
		collectionOf("access", Config.accesses, (*Config).setAccesses,
			func(a access) []string { return []string{a.Scope, a.Organization} }, "scope", "organization"),
	}
}

// listed is a collection that is one list of the configuration.
func listed[T any](name string, at func(*Config) *[]T, keyOf func(T) []string, key ...string) collection {
	return collectionOf(name,
		func(c Config) []T { return *at(&c) },
		func(c *Config, list []T) error { *at(c) = list; return nil },
		keyOf, key...)
}

func collectionOf[T any](name string, get func(Config) []T, set func(*Config, []T) error, keyOf func(T) []string, key ...string) collection {
	joined := func(values []string) string { return strings.Join(values, "\x00") }
	return collection{
		name: name,
		key:  key,
		size: func(c Config) int { return len(get(c)) },
		get:  func(c Config) any { return append([]T{}, get(c)...) },
		add: func(c *Config, body []byte) error {
			added, err := oneOrMany[T](body)
			if err != nil {
				return fmt.Errorf("the body is not one of %s, or an array of them: %w", name, err)
			}
			list, where := get(*c), map[string]int{}
			for i, member := range list {
				where[joined(keyOf(member))] = i
			}
			for _, member := range added {
				if i, there := where[joined(keyOf(member))]; there {
					list[i] = member
					continue
				}
				where[joined(keyOf(member))] = len(list)
				list = append(list, member)
			}
			return set(c, list)
		},
		remove: func(c *Config, values []string) (bool, error) {
			list := get(*c)
			left := slices.DeleteFunc(list, func(member T) bool { return slices.Equal(keyOf(member), values) })
			return len(left) < len(list), set(c, left)
		},
	}
}

// oneOrMany reads an object or an array of objects.
func oneOrMany[T any](body []byte) ([]T, error) {
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("[")) {
		var many []T
		err := decodeStrict(body, &many)
		return many, err
	}
	var one T
	if err := decodeStrict(body, &one); err != nil {
		return nil, err
	}
	return []T{one}, nil
}

func (c collection) controls() []control {
	path := controlPath + "/" + c.name
	var query []string
	for _, name := range c.key {
		query = append(query, name+"=…")
	}
	deletion := "DELETE " + path + "?" + strings.Join(query, "&")
	return []control{
		{"GET " + path, "the " + spaced(c.name), func(s *Server, _ controlRequest) (any, error) {
			return c.get(s.world.Load().config), nil
		}},
		{"POST " + path, "add or replace one, or an array of them", func(s *Server, r controlRequest) (any, error) {
			return nil, s.change(func(config *Config) error { return c.add(config, r.body) })
		}},
		{"DELETE " + path, "take one away: " + deletion, func(s *Server, r controlRequest) (any, error) {
			values, ok := c.keyIn(r.URL.Query())
			if !ok {
				return nil, fmt.Errorf("the query does not say which; use %s", deletion)
			}
			return nil, s.change(func(config *Config) error {
				found, err := c.remove(config, values)
				if err == nil && !found {
					err = fmt.Errorf("%w: nothing to take away; GET %s lists what there is", errNotThere, path)
				}
				return err
			})
		}},
	}
}

func spaced(name string) string { return strings.ReplaceAll(name, "_", " ") }

// keyIn returns the key that a query gives: each member once, and nothing else.
func (c collection) keyIn(query url.Values) (values []string, ok bool) {
	for _, name := range c.key {
		if len(query[name]) != 1 {
			return nil, false
		}
		values = append(values, query.Get(name))
	}
	return values, len(query) == len(c.key)
}

// accesses lists what is granted to whom.
func (c Config) accesses() []access {
	var list []access
	for _, s := range c.Scopes {
		for _, number := range s.AccessFor {
			list = append(list, access{s.Name, number})
		}
	}
	return list
}

func (c *Config) setAccesses(list []access) error {
	granted := map[string][]string{}
	for _, a := range list {
		granted[a.Scope] = append(granted[a.Scope], a.Organization)
	}
	for i := range c.Scopes {
		s := &c.Scopes[i]
		s.AccessFor = granted[s.Name]
		delete(granted, s.Name)
	}
	for name := range granted {
		return fmt.Errorf("there is no scope %q to grant; GET %s/scopes lists those that there are", shorten(name), controlPath)
	}
	return nil
}
