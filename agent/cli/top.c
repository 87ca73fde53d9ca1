// SPDX-License-Identifier: MIT
/* `weir top`: the pipelines of the running agent, live, on a terminal. Asks for /status once a second. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/top_draw.h"

#define EVERY_NS ((uint64_t)NS_PER_SECOND)
#define WIDTH_MIN 40
#define HEIGHT_MIN 8

#define KEY_UP 1
#define KEY_DOWN 2
#define KEY_ENTER '\r'
#define KEY_ESCAPE 27
#define KEY_BACK 127

static const char synopsis[] =
	"usage: weir top [-c FILE]\n"
	"\n"
	"Shows the pipelines of the running agent, live: records and bytes a second, what lies\n"
	"unread, retries, dead letters and memory.\n";

static const char keys_and_exit_codes[] =
	"Keys: up and down choose a pipeline, enter shows its stages, s sorts by the next column,\n"
	"r reverses, / filters by name, q quits.\n"
	"\n"
	"Exit codes: 0 done, 1 it cannot be shown, 2 wrong usage, 3 the agent is not running.\n";

static volatile sig_atomic_t ended;

static void end(int number)
{
	(void)number;
	ended = 1;
}

static void resized(int number)
{
	(void)number; /* poll() returns, and the screen is drawn anew */
}

/* ---- the terminal ---- */

static void measure(struct top_view *view)
{
	struct winsize size = {0};

	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
	view->width = size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col;
	view->height = size.ws_row < HEIGHT_MIN ? HEIGHT_MIN : size.ws_row;
}

static int is_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

	for (int i = 0; i < 3; i++) {
		const char *value = getenv(names[i]);

		if (value && value[0])
			return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
	}
	return 0;
}

static void write_all(const struct buffer *out)
{
	for (size_t done = 0; done < out->size;) {
		ssize_t got = write(STDOUT_FILENO, out->data + done, out->size - done);

		if (got <= 0)
			return;
		done += (size_t)got;
	}
}

static void screen(const char *sequence)
{
	(void)!write(STDOUT_FILENO, sequence, strlen(sequence));
}

/* ---- keys ---- */

/* What was typed and not obeyed yet: several keys may come at once. */
struct keys {
	unsigned char bytes[64];
	size_t count;
};

static int first_key(struct keys *keys)
{
	size_t used = 1;
	int key = keys->bytes[0];

	if (keys->count >= 3 && key == KEY_ESCAPE &&
	    (keys->bytes[1] == '[' || keys->bytes[1] == 'O')) {
		used = 3;
		key = keys->bytes[2] == 'A' ? KEY_UP : keys->bytes[2] == 'B' ? KEY_DOWN : 0;
	}
	keys->count -= used;
	memmove(keys->bytes, keys->bytes + used, keys->count);
	return key == '\n' ? KEY_ENTER : key;
}

/* A key, or 0 when the time was up or a signal came. */
static int next_key(struct keys *keys, uint64_t wait_ns)
{
	struct pollfd in = {STDIN_FILENO, POLLIN, 0};
	ssize_t got;

	if (keys->count == 0) {
		if (poll(&in, 1, (int)(wait_ns / NS_PER_MS) + 1) <= 0)
			return 0;
		got = read(STDIN_FILENO, keys->bytes, sizeof(keys->bytes));
		if (got <= 0) {
			ended = 1; /* nobody is there any more */
			return 0;
		}
		keys->count = (size_t)got;
	}
	return first_key(keys);
}

static void type(struct top_view *view, int key)
{
	size_t size = strlen(view->filter);

	if (key == KEY_ENTER || key == KEY_ESCAPE)
		view->typing = 0;
	if (key == KEY_ESCAPE)
		view->filter[0] = '\0';
	else if ((key == KEY_BACK || key == 8) && size)
		view->filter[size - 1] = '\0';
	else if (key > ' ' && key < KEY_BACK && size + 1 < sizeof(view->filter))
		view->filter[size] = (char)key;
}

static void obey(struct top_view *view, const struct top_model *model, int key)
{
	int is_open = strcmp(view->open, view->chosen) == 0;

	if (view->typing)
		type(view, key);
	else if (key == 'q')
		ended = 1;
	else if (key == KEY_UP || key == 'k')
		top_move(model, view, -1);
	else if (key == KEY_DOWN || key == 'j')
		top_move(model, view, 1);
	else if (key == KEY_ENTER)
		snprintf(view->open, sizeof(view->open), "%s", is_open ? "" : view->chosen);
	else if (key == 's')
		view->sort = (view->sort + 1) % TOP_SORTS;
	else if (key == 'r')
		view->reversed = !view->reversed;
	else if (key == '/')
		view->typing = 1;
	else if (key == KEY_ESCAPE)
		view->filter[0] = view->open[0] = '\0';
}

/* ---- asking ---- */

static int take(const struct config *config, struct top_model *model, struct weir_error *error)
{
	struct buffer document = {0};
	int code = ask_status(config, &document, error);

	if (code)
		return code;
	top_model_take(model, (struct weir_slice){document.data, document.size},
		       clock_monotonic_ns());
	buffer_done(&document);
	return 0;
}

/* What is on the screen stays while the agent is away. */
static void take_again(const struct config *config, struct top_model *model, struct top_view *view)
{
	struct weir_error error = {0};
	int code = take(config, model, &error);

	view->trouble[0] = '\0';
	if (code == WEIR_ERR_NOT_FOUND)
		snprintf(view->trouble, sizeof(view->trouble),
			 "the agent does not answer: nobody listens on %s:%u", config->admin_host,
			 config->admin_port);
	else if (code)
		snprintf(view->trouble, sizeof(view->trouble), "the agent does not answer: %.200s",
			 error.text);
}

static void draw(const struct top_model *model, struct top_view *view)
{
	struct buffer out = {0};

	measure(view);
	top_draw(&out, model, view);
	write_all(&out);
	buffer_done(&out);
}

static void watch(const struct config *config, struct top_model *model, struct top_view *view)
{
	uint64_t due = clock_monotonic_ns() + EVERY_NS;
	struct keys keys = {.count = 0};

	while (!ended) {
		uint64_t now = clock_monotonic_ns();

		if (now >= due) {
			take_again(config, model, view);
			due = clock_monotonic_ns() + EVERY_NS;
			now = clock_monotonic_ns();
		}
		draw(model, view);
		obey(view, model, next_key(&keys, due > now ? due - now : 0));
	}
}

static int top(const struct config *config)
{
	const struct sigaction stop = {.sa_handler = end}, size = {.sa_handler = resized};
	struct top_model model = {0};
	struct top_view view = {.ascii = !is_utf8()};
	struct weir_error error = {0};
	struct termios before, raw;

	if (take(config, &model, &error))
		return ask_failed("top", &error);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGHUP, &stop, NULL);
	sigaction(SIGWINCH, &size, NULL);
	tcgetattr(STDIN_FILENO, &before);
	raw = before;
	raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
	raw.c_iflag &= (tcflag_t)~ICRNL;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
	screen("\033[?1049h\033[?25l"); /* another screen, and no cursor */
	watch(config, &model, &view);
	screen("\033[?25h\033[?1049l");
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	top_model_done(&model);
	return CLI_OK;
}

int cli_top(int argc, char **argv)
{
	const char *path = NULL;
	const struct cli_option options[] = {
		CLI_CONFIG(&path, "the weir.yaml whose `admin` address is asked"), CLI_OPTIONS_END};
	const struct cli_syntax syntax = {"top", synopsis, keys_and_exit_codes, options};
	struct config *config = NULL;
	int result = cli_parse(&syntax, argc, argv, NULL);

	if (result != CLI_GO_ON)
		return result;
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		fprintf(stderr,
			"weir top: it takes a terminal; weir status prints the same once\n");
		return CLI_FAILED;
	}
	if (cli_load_settings("top", path, &config))
		return CLI_FAILED;
	result = top(config);
	config_free(config);
	return result;
}
