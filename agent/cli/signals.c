// SPDX-License-Identifier: MIT
#include "cli/signals.h"

#include <pthread.h>
#include <stddef.h>
#include <time.h>

void signals_block(sigset_t *ret_set, int with_hangup)
{
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(ret_set);
	sigaddset(ret_set, SIGTERM);
	sigaddset(ret_set, SIGINT);
	if (with_hangup)
		sigaddset(ret_set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, ret_set, NULL);
}

int signals_stop_wanted(void *set)
{
	const struct timespec none = {0, 0};
	int number = sigtimedwait((const sigset_t *)set, NULL, &none);

	return number == SIGTERM || number == SIGINT;
}
