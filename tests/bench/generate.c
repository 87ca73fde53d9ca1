// SPDX-License-Identifier: MIT
/*
 * Writes a log of about the size asked for to stdout, the same for the same seed.
 *
 *     generate combined|json MIB SEED
 *
 * combined: Apache's combined format, about 238 bytes a line. json: twelve fields, one of them an
 * object, about 355 bytes a line. Values vary line by line as in a real log: a parser that learns
 * one line by heart gains nothing.
 */
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static uint64_t seed;
static uint64_t line_number;

/* The draw `which` of the present line, below `bound`: a hash of both (splitmix64's mixer), so that
 * the order in which a compiler evaluates arguments changes nothing. */
static uint32_t draw(uint32_t which, uint32_t bound)
{
	uint64_t x = seed + (line_number * 64 + which) * UINT64_C(0x9E3779B97F4A7C15);

	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return (uint32_t)(((x ^ (x >> 31)) >> 32) * bound >> 32);
}

#define PICK(which, list) (list)[draw(which, COUNT(list))]

static const char *const methods[] = {"GET", "GET", "GET", "GET", "GET", "POST", "HEAD", "PUT"};
static const char *const paths[] = {"/presentations/monitoring-2026/images/dashboard-%u.png",
				    "/products/%u/reviews?sort=newest",
				    "/static/vendor/highlight.%08x.js",
				    "/api/v2/orders/%u/items?expand=product,price",
				    "/blog/tags/release-notes/page/%u",
				    "/search?q=caf%%C3%%A9+%u&lang=fr",
				    "/favicon.ico?v=%u"};
static const unsigned statuses[] = {200, 200, 200, 200, 200, 200, 206,
				    301, 304, 404, 404, 500, 503};
static const char *const referers[] = {"-", "-",
				       "http://shop.example.com/presentations/monitoring-2026/",
				       "https://www.example.com/search?q=log+shipping+agent",
				       "https://shop.example.com/products/"};
static const char *const agents[] = {
	"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
	"Chrome/118.0.5993.%u Safari/537.36",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
	"Chrome/120.0.6099.%u Safari/537.36",
	"Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/%u.0",
	"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html) %u",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
	"Gecko) Version/17.1 Mobile/%u Safari/604.1",
	"curl/7.88.%u"};
static const char *const levels[] = {"INFO", "INFO", "INFO", "WARN", "ERROR", "DEBUG"};
static const char *const messages[] = {
	"request finished", "cache miss for key user:%u, falling back to the database",
	"retrying upstream after %u ms", "session %u refreshed", "order \\\"%u\\\" accepted"};

/* A log of one day, eleven lines a second at the rate of a real one. */
static void clock_text(const char *format, char *ret_text, size_t size)
{
	time_t when = (time_t)(1795478400 + line_number / 11);
	struct tm parts;

	gmtime_r(&when, &parts);
	strftime(ret_text, size, format, &parts);
}

static int combined(char *out, size_t size)
{
	char when[40], path[120], agent[200];

	clock_text("%d/%b/%Y:%H:%M:%S +0000", when, sizeof(when));
	snprintf(path, sizeof(path), PICK(1, paths), draw(2, 1000000));
	snprintf(agent, sizeof(agent), PICK(3, agents), draw(4, 200));
	return snprintf(
		out, size, "%u.%u.%u.%u - %s [%s] \"%s %s HTTP/1.%u\" %u %u \"%s\" \"%s\"\n",
		1 + draw(5, 223), draw(6, 256), draw(7, 256), 1 + draw(8, 254),
		draw(9, 20) ? "-" : "alice", when, PICK(10, methods), path, draw(11, 8) ? 1 : 0,
		PICK(12, statuses), draw(13, 250000), PICK(14, referers), agent);
}

static int json(char *out, size_t size)
{
	char when[40], path[120], message[120];

	clock_text("%Y-%m-%dT%H:%M:%S", when, sizeof(when));
	snprintf(path, sizeof(path), PICK(15, paths), draw(16, 1000000));
	snprintf(message, sizeof(message), PICK(17, messages), draw(18, 1000000));
	return snprintf(
		out, size,
		"{\"time\":\"%s.%03uZ\",\"level\":\"%s\",\"service\":\"checkout-%u\","
		"\"trace_id\":\"%08x%08x%08x%08x\",\"client\":\"%u.%u.%u.%u\",\"method\":\"%s\","
		"\"path\":\"%s\",\"status\":%u,\"duration_ms\":%u.%03u,\"retried\":%s,"
		"\"kubernetes\":{\"namespace\":\"shop\",\"pod\":\"web-%05x\"},\"message\":\"%s\"}"
		"\n",
		when, draw(19, 1000), PICK(20, levels), draw(21, 16), draw(22, UINT32_MAX),
		draw(23, UINT32_MAX), draw(24, UINT32_MAX), draw(25, UINT32_MAX), 1 + draw(26, 223),
		draw(27, 256), draw(28, 256), 1 + draw(29, 254), PICK(30, methods), path,
		PICK(31, statuses), draw(32, 3000), draw(33, 1000), draw(34, 10) ? "false" : "true",
		draw(35, 1 << 20), message);
}

int main(int argc, char **argv)
{
	int (*line)(char *, size_t) = combined;
	char text[1024];
	uint64_t size, written = 0;

	if (argc != 4 || (strcmp(argv[1], "combined") != 0 && strcmp(argv[1], "json") != 0)) {
		fprintf(stderr, "usage: generate combined|json MIB SEED\n");
		return 2;
	}
	if (strcmp(argv[1], "json") == 0)
		line = json;
	size = strtoull(argv[2], NULL, 10) << 20;
	seed = strtoull(argv[3], NULL, 10) << 32;
	setvbuf(stdout, NULL, _IOFBF, 1 << 20);
	for (line_number = 0; written < size; line_number++) {
		int length = line(text, sizeof(text));

		if (fwrite(text, 1, (size_t)length, stdout) != (size_t)length)
			return 1;
		written += (uint64_t)length;
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
