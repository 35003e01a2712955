// Connects to every port of 127.0.0.1 that is named, as a client that knows one CA, and prints the SHA-256 of the
// certificate that it was shown. Usage: client CA.pem HOST PORT...
package main

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
)

func main() {
	pem, err := os.ReadFile(os.Args[1])
	roots := x509.NewCertPool()
	if err != nil || !roots.AppendCertsFromPEM(pem) {
		fmt.Println("the CA cannot be read")
		os.Exit(2)
	}
	for _, port := range os.Args[3:] {
		connection, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{RootCAs: roots, ServerName: os.Args[2]})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Printf("%x\n", sha256.Sum256(connection.ConnectionState().PeerCertificates[0].Raw))
		connection.Close()
	}
}
