// Stands for the program that answers ACME challenges: listens on the port that it is given.
const http = require("http");
http.createServer((_, answer) => answer.end("certbot\n")).listen(Number(process.argv[2]), "127.0.0.1");
