import java.io.FileInputStream;
import java.net.Socket;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.CertificateFactory;
import java.util.HexFormat;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/**
 * Connects to every port of 127.0.0.1 that is named, as a client that knows one CA, and prints the SHA-256 of the
 * certificate that it was shown. Usage: java Client.java CA.pem HOST PORT...
 */
class Client {
  public static void main(String[] args) throws Exception {
    KeyStore roots = KeyStore.getInstance(KeyStore.getDefaultType());
    roots.load(null, null);
    try (FileInputStream in = new FileInputStream(args[0])) {
      roots.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(roots);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    for (int i = 2; i < args.length; i++) {
      int port = Integer.parseInt(args[i]);
      Socket plain = new Socket("127.0.0.1", port);
      try (SSLSocket socket = (SSLSocket) context.getSocketFactory().createSocket(plain, args[1], port, true)) {
        SSLParameters parameters = socket.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        socket.setSSLParameters(parameters);
        socket.startHandshake();
        byte[] leaf = socket.getSession().getPeerCertificates()[0].getEncoded();
        System.out.println(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(leaf)));
      }
    }
  }
}
