// FerretDB, a server of the MongoDB protocol on SQLite, which the tests of the tenant keys run against. It is built from
// a copy of the module's sources (../setup.mjs), with the dependencies that its own go.sum pins.
module palette-keys.test/mongodb

go 1.25.0

require github.com/FerretDB/FerretDB v1.24.0
