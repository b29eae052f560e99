// A stand-in for a KV namespace: what the binding of workerd asks of one, and a
// count of what it was asked for.
const entries = new Map(); // name -> {value, until}
const counts = { GET: 0, PUT: 0 };

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/counts") return Response.json({ ...counts, entries: [...entries].map(([name, { value }]) => [name, value]) });
    const name = decodeURIComponent(pathname.slice(1));
    counts[request.method] = (counts[request.method] ?? 0) + 1;
    if (request.method === "PUT") {
      const life = Number(searchParams.get("expiration_ttl"));
      if (!(life >= 60)) return new Response("KV keeps nothing for less than a minute", { status: 400 });
      entries.set(name, { value: await request.text(), until: Date.now() + life * 1000 });
      return new Response(null, { status: 204 });
    }
    const entry = entries.get(name);
    return entry && entry.until > Date.now() ? new Response(entry.value) : new Response(null, { status: 404 });
  },
};
