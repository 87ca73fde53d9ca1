// SPDX-License-Identifier: MIT
/* The HTTP service against nginx with TLS: certificates of both sides, HTTP/2, early refusals. */
#include "http_fixture.h"

static pid_t nginx;
static int tls_port, mutual_port;

static void run(const char *format, const char *folder)
{
	char command[2048];

	snprintf(command, sizeof(command), "cd %s && %s", folder, format);
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

/* A CA, a server certificate for 127.0.0.1 and a client certificate. */
static void make_certificates(void)
{
	run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
	    "-subj /CN=Test-CA -keyout ca.key -out ca.pem 2>/dev/null && "
	    "for n in server client; do "
	    "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=$n "
	    "-keyout $n.key -out $n.csr 2>/dev/null && "
	    "echo subjectAltName=IP:127.0.0.1 >ext && "
	    "openssl x509 -req -in $n.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "
	    "-extfile ext -out $n.pem 2>/dev/null || exit 1; done",
	    fx.folder);
}

static void write_conf(void)
{
	char path[128];
	FILE *conf;

	snprintf(path, sizeof(path), "%s/nginx.conf", fx.folder);
	conf = fopen(path, "w");
	assert_non_null(conf);
	fprintf(conf,
		"daemon off; worker_processes 1; error_log error.log; pid nginx.pid; %s\n"
		"events { worker_connections 64; }\n"
		"http { log_format p '$server_protocol'; access_log access.log p;\n"
		"client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f;\n"
		"uwsgi_temp_path u; scgi_temp_path s;\n"
		"ssl_certificate server.pem; ssl_certificate_key server.key;\n"
		"server { listen 127.0.0.1:%d ssl http2; client_max_body_size 100k;\n"
		"  location / { return 200 'ok'; }\n"
		"  location /small { proxy_pass http://127.0.0.1:9; }\n"
		"  location /sink { client_max_body_size 64m; proxy_request_buffering off;\n"
		"    proxy_http_version 1.1; proxy_pass http://127.0.0.1:%d; } }\n"
		"server { listen 127.0.0.1:%d ssl; ssl_client_certificate ca.pem;\n"
		"  ssl_verify_client on; location / { return 200 'ok'; } } }\n",
		geteuid() == 0 ? "user root;" : "", tls_port, fx.port, mutual_port);
	fclose(conf);
}

static int listens(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)port),
				      .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int connected = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

	close(fd);
	return connected;
}

static int setup(void **state)
{
	fixture_setup_sink(state);
	tls_port = unused_port();
	mutual_port = unused_port();
	make_certificates();
	write_conf();
	nginx = fork();
	if (nginx == 0) {
		char conf[128], prefix[128];

		prctl(PR_SET_PDEATHSIG, SIGTERM);
		snprintf(conf, sizeof(conf), "%s/nginx.conf", fx.folder);
		snprintf(prefix, sizeof(prefix), "%s/", fx.folder);
		execlp("nginx", "nginx", "-e", "error.log", "-p", prefix, "-c", conf, (char *)NULL);
		execl("/usr/sbin/nginx", "nginx", "-e", "error.log", "-p", prefix, "-c", conf,
		      (char *)NULL);
		_exit(127);
	}
	AWAIT(listens(tls_port));
	AWAIT(listens(mutual_port));
	return 0;
}

static int teardown(void **state)
{
	stop_child(&nginx);
	return fixture_teardown(state);
}

static const char *in_folder(const char *name)
{
	static char paths[4][128];
	static int at;

	at = (at + 1) % 4;
	snprintf(paths[at], sizeof(paths[at]), "%s/%s", fx.folder, name);
	return paths[at];
}

static void try_once(const struct weir_http_client_options *options, const char *host, int port,
		     struct sent *sent)
{
	struct weir_http_client *client = client_with(options);
	char url[128];

	snprintf(url, sizeof(url), "https://%s:%d/in", host, port);
	if (!sent->request.body)
		sent_fill(sent, url, "hello\n");
	assert_int_equal(fx.module->send(client, &sent->request), 0);
	await_count(&fx.tries, 1);
	fx.module->client_free(client);
}

static void an_unknown_ca_is_held_and_the_remedy_named(void **state)
{
	struct weir_http_client_options options = fast_retries();
	struct sent sent = {0};

	(void)state;
	try_once(&options, "127.0.0.1", tls_port, &sent);
	assert_int_equal(fx.first.status, 0);
	assert_int_equal(fx.first.advice, WEIR_HTTP_HOLD);
	assert_int_equal(fx.first.may_have_landed, 0);
	assert_non_null(strstr(fx.log, "certificate"));
	assert_non_null(strstr(fx.log, "the CA that is trusted"));
}

/* nginx writes its log after the answer. */
static int was_spoken(const char *protocol)
{
	char command[256];

	snprintf(command, sizeof(command), "grep -qx %s %s/access.log", protocol, fx.folder);
	return system(command) == 0;
}

static void the_ca_option_is_trusted_and_http2_is_spoken(void **state)
{
	struct weir_http_client_options options = fast_retries();
	struct sent sent = {0};

	(void)state;
	options.ca_file = in_folder("ca.pem");
	try_once(&options, "127.0.0.1", tls_port, &sent);
	assert_int_equal(fx.first.status, 200);
	AWAIT(was_spoken("HTTP/2.0"));
}

static void http2_is_not_spoken_when_it_is_not_wanted(void **state)
{
	struct weir_http_client_options options = fast_retries();
	struct sent sent = {0};

	(void)state;
	options.ca_file = in_folder("ca.pem");
	options.http_version = 1;
	try_once(&options, "127.0.0.1", tls_port, &sent);
	assert_int_equal(fx.first.status, 200);
	AWAIT(was_spoken("HTTP/1.1"));
}

static void another_host_name_is_held(void **state)
{
	struct weir_http_client_options options = fast_retries();
	struct sent sent = {0};

	(void)state;
	options.ca_file = in_folder("ca.pem");
	try_once(&options, "localhost", tls_port, &sent); /* the certificate is for 127.0.0.1 */
	assert_int_equal(fx.first.advice, WEIR_HTTP_HOLD);
}

static void verification_can_be_turned_off(void **state)
{
	struct weir_http_client_options options = fast_retries();
	struct sent sent = {0};

	(void)state;
	options.insecure = 1;
	try_once(&options, "localhost", tls_port, &sent);
	assert_int_equal(fx.first.status, 200);
}

static void a_missing_client_certificate_is_held_not_refused(void **state)
{
	struct weir_http_client_options options = fast_retries();
	struct sent sent = {0};

	(void)state;
	options.ca_file = in_folder("ca.pem");
	try_once(&options, "127.0.0.1", mutual_port, &sent);
	assert_int_equal(fx.first.advice, WEIR_HTTP_HOLD);
}

static void a_client_certificate_is_shown(void **state)
{
	struct weir_http_client_options options = fast_retries();
	struct sent sent = {0};

	(void)state;
	options.ca_file = in_folder("ca.pem");
	options.cert_file = in_folder("client.pem");
	options.key_file = in_folder("client.key");
	try_once(&options, "127.0.0.1", mutual_port, &sent);
	assert_int_equal(fx.first.status, 200);
}

/* nginx answers 413 from the headers alone and cuts the upload. */
static void a_413_before_the_end_of_the_body_counts(void **state)
{
	for (uint32_t version = 0; version < 2; version++) {
		struct weir_http_client_options options = fast_retries();
		static char body[8 << 20];
		struct sent sent = {0};
		char url[128];

		(void)state;
		fx.tries = 0;
		memset(body, 'x', sizeof(body) - 1);
		snprintf(url, sizeof(url), "https://127.0.0.1:%d/small", tls_port);
		sent_fill(&sent, url, body);
		options.ca_file = in_folder("ca.pem");
		options.http_version = version;
		try_once(&options, "127.0.0.1", tls_port, &sent);
		assert_int_equal(fx.first.status, 413);
		assert_int_equal(fx.first.advice, WEIR_HTTP_TOO_LARGE);
	}
}

static void large_bodies_arrive_whole_over_http2(void **state)
{
	struct weir_http_client_options options = fast_retries();
	struct weir_http_client *client;
	static char body[4 << 20];
	struct sent sent[8];
	char url[128];

	(void)state;
	memset(body, '\n', sizeof(body) - 1);
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/sink", tls_port);
	options.ca_file = in_folder("ca.pem");
	client = client_with(&options);
	for (int i = 0; i < 8; i++) {
		sent_fill(&sent[i], url, body);
		assert_int_equal(fx.module->send(client, &sent[i].request), 0);
	}
	await_count(&fx.finished, 8);
	fx.module->client_free(client);
	assert_int_equal(fx.tries, 8);
	assert_int_equal(sink_total("lines"), 8 * (sizeof(body) - 1));
}

static void plain_http_to_a_tls_port_is_held_not_refused(void **state)
{
	struct weir_http_client_options options = fast_retries();
	struct sent sent;
	char url[128];

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/in", mutual_port);
	sent_fill(&sent, url, "hello\n");
	try_once(&options, "", 0, &sent);
	assert_int_equal(fx.first.status, 400);
	assert_int_equal(fx.first.advice, WEIR_HTTP_HOLD);
}

#define TLS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TLS_TEST(an_unknown_ca_is_held_and_the_remedy_named),
		TLS_TEST(the_ca_option_is_trusted_and_http2_is_spoken),
		TLS_TEST(http2_is_not_spoken_when_it_is_not_wanted),
		TLS_TEST(another_host_name_is_held),
		TLS_TEST(verification_can_be_turned_off),
		TLS_TEST(a_missing_client_certificate_is_held_not_refused),
		TLS_TEST(a_client_certificate_is_shown),
		TLS_TEST(a_413_before_the_end_of_the_body_counts),
		TLS_TEST(large_bodies_arrive_whole_over_http2),
		TLS_TEST(plain_http_to_a_tls_port_is_held_not_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
