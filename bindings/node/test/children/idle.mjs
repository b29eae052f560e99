// Gets a token and has nothing to do any more: neither the client nor the engine keeps the process.
const { entry, config, scope } = JSON.parse(process.argv[2]);
const { Client } = await import(entry);
const source = new Client({ ...config, onEvent() {} }).source({ scope });
console.log(JSON.stringify({ token: (await source.token()).accessToken.length > 0 }));
