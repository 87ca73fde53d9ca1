// SPDX-License-Identifier: MIT
#include "wire.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CERTIFICATE_SECONDS 86400
/* Many TLS records of 16 KiB are read from the socket at once. */
#define READ_AHEAD (256 << 10)

static SSL_CTX *context; /* NULL = plain; set before there are threads */

static void give_up(const char *what)
{
	fprintf(stderr, "sink: %s\n", what);
	ERR_print_errors_fp(stderr);
	exit(1);
}

/* ---- the certificate ---- */

static int add_extension(X509 *certificate, int id, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, id, value);
	int added = extension && X509_add_ext(certificate, extension, -1);

	X509_EXTENSION_free(extension);
	return added;
}

static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *certificate = X509_new();
	X509_NAME *name = certificate ? X509_get_subject_name(certificate) : NULL;

	if (!name || !X509_set_version(certificate, X509_VERSION_3) ||
	    !ASN1_INTEGER_set(X509_get_serialNumber(certificate), getpid()) ||
	    !X509_gmtime_adj(X509_getm_notBefore(certificate), -CERTIFICATE_SECONDS) ||
	    !X509_gmtime_adj(X509_getm_notAfter(certificate), CERTIFICATE_SECONDS) ||
	    !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
					(const unsigned char *)"localhost", -1, -1, 0) ||
	    !X509_set_issuer_name(certificate, name) || !X509_set_pubkey(certificate, key) ||
	    !add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE") ||
	    !add_extension(certificate, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1") ||
	    !X509_sign(certificate, key, EVP_sha256()))
		give_up("no certificate");
	return certificate;
}

/* Whole or not at all: who waits for the file may read it as soon as it is there. */
static void write_certificate(const char *path, X509 *certificate)
{
	char part[4096];
	FILE *file;

	snprintf(part, sizeof(part), "%s.part", path);
	file = fopen(part, "w");
	if (!file || !PEM_write_X509(file, certificate) || fclose(file) || rename(part, path))
		give_up(path);
}

void wire_use_tls(const char *certificate_path)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = key ? make_certificate(key) : NULL;

	context = SSL_CTX_new(TLS_server_method());
	if (!certificate || !context || !SSL_CTX_use_certificate(context, certificate) ||
	    !SSL_CTX_use_PrivateKey(context, key))
		give_up("no TLS");
	SSL_CTX_set_read_ahead(context, 1);
	SSL_CTX_set_default_read_buffer_len(context, READ_AHEAD);
	write_certificate(certificate_path, certificate);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

/* ---- a connection ---- */

int wire_open(struct wire *wire, int fd)
{
	*wire = (struct wire){.fd = fd};
	if (!context)
		return 0;
	wire->ssl = SSL_new(context);
	if (wire->ssl && SSL_set_fd(wire->ssl, fd) && SSL_accept(wire->ssl) == 1)
		return 0;
	wire_close(wire);
	return -1;
}

void wire_close(struct wire *wire)
{
	SSL_free(wire->ssl);
	close(wire->fd);
}

ssize_t wire_read(struct wire *wire, void *to, size_t size)
{
	size_t got;

	if (!wire->ssl)
		return recv(wire->fd, to, size, 0);
	if (SSL_read_ex(wire->ssl, to, size, &got))
		return (ssize_t)got;
	return SSL_get_error(wire->ssl, 0) == SSL_ERROR_ZERO_RETURN ? 0 : -1;
}

ssize_t wire_write(struct wire *wire, const void *data, size_t size)
{
	size_t sent;

	if (!wire->ssl)
		return send(wire->fd, data, size, MSG_NOSIGNAL);
	return SSL_write_ex(wire->ssl, data, size, &sent) ? (ssize_t)sent : -1;
}

int wire_write_all(struct wire *wire, const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t sent = wire_write(wire, (const char *)data + done, size - done);

		if (sent < 0)
			return -1;
		done += (size_t)sent;
	}
	return 0;
}

void wire_cut(struct wire *wire)
{
	struct linger linger = {1, 0};

	setsockopt(wire->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}
