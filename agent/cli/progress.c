// SPDX-License-Identifier: MIT
#include "cli/progress.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/units.h"

#define REDRAW_NS (100 * NS_PER_MS)
#define BAR_WIDTH_MAX 40

/* The bar is wiped before a log line and drawn again at the next tick. */
static void progress_wipe(void)
{
	(void)!write(STDERR_FILENO, "\r\033[K", 4);
}

void progress_start(struct progress *progress, int off)
{
	*progress = (struct progress){.off = off, .started_ns = clock_monotonic_ns()};
	if (!off)
		log_hooks(progress_wipe, NULL);
}

static void format_time(double seconds, char *ret_text, size_t size)
{
	unsigned whole = seconds < 0 || seconds > 359999 ? 359999 : (unsigned)(seconds + 0.5);

	if (whole >= 3600)
		snprintf(ret_text, size, "%u:%02u:%02u", whole / 3600, whole / 60 % 60, whole % 60);
	else
		snprintf(ret_text, size, "%u:%02u", whole / 60, whole % 60);
}

static int terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

static void format_bar(double share, int width, char *ret_bar)
{
	int filled = (int)(share * width);

	for (int i = 0; i < width; i++)
		ret_bar[i] = i < filled ? '=' : i == filled ? '>' : ' ';
	ret_bar[width] = '\0';
}

void progress_update(struct progress *progress, struct agent *agent)
{
	uint64_t now = clock_monotonic_ns();
	struct agent_progress counts;
	double seconds = (double)(now - progress->started_ns) / (double)NS_PER_SECOND;
	char bar[BAR_WIDTH_MAX + 1], have[32], total[32], left[32];
	double share;
	int width = terminal_width() - 62;

	if (progress->off || now - progress->drawn_ns < (uint64_t)REDRAW_NS)
		return;
	progress->drawn_ns = now;
	agent_progress(agent, &counts);
	share = counts.bytes_read + counts.bytes_left
			? (double)counts.bytes_read /
				  (double)(counts.bytes_read + counts.bytes_left)
			: 1;
	format_bar(share, width < 4 ? 4 : width > BAR_WIDTH_MAX ? BAR_WIDTH_MAX : width, bar);
	units_round_size((int64_t)counts.bytes_read, have, sizeof(have));
	units_round_size((int64_t)(counts.bytes_read + counts.bytes_left), total, sizeof(total));
	format_time(share > 0 ? seconds / share - seconds : 0, left, sizeof(left));
	fprintf(stderr, "\r\033[K[%s] %3.0f %%  %s of %s  %.0f records/s  %s left", bar,
		share * 100, have, total, (double)counts.records / (seconds > 0 ? seconds : 1),
		left);
	fflush(stderr);
}

void progress_end(struct progress *progress, struct agent *agent)
{
	double seconds =
		(double)(clock_monotonic_ns() - progress->started_ns) / (double)NS_PER_SECOND;
	struct agent_progress counts;
	char have[32];

	if (!progress->off) {
		progress_wipe();
		log_hooks(NULL, NULL);
	}
	if (!agent)
		return;
	agent_progress(agent, &counts);
	units_round_size((int64_t)counts.bytes_read, have, sizeof(have));
	log_line(WEIR_LOG_INFO, "agent", "once_done",
		 "%s and %llu records read in %.2f s: %llu delivered, %llu dead-lettered, %llu "
		 "dropped "
		 "by rule",
		 have, (unsigned long long)counts.records, seconds,
		 (unsigned long long)counts.delivered, (unsigned long long)counts.dead,
		 (unsigned long long)counts.dropped);
}
