// SPDX-License-Identifier: MIT
/*
 * Files that were rotated before they were seen: made, filled and renamed (or compressed) while the
 * agent was away or behind. Their names do not match, but begin with one that does: app.log.1,
 * app.log-20261124.gz. They count as if they matched when they were made after the input was last
 * known to look; everything older was either seen, or there before the first run.
 */
#ifndef TAIL_ROTATED_H
#define TAIL_ROTATED_H

#include "catalog.h"

/* True when the name is that of a file that matches, with what rotation adds to it. */
int rotated_name(const struct catalog *catalog, const char *path);
/* True when, in addition, it was made and written after the input last looked. */
int rotated_unseen(const struct catalog *catalog, const char *path, const struct statx *status);

/* Sets since when files count as unseen. `first`: this is the first run ever. */
void rotated_start(struct catalog *catalog, int first);
/* Notes that everything made until now was seen: before a source is forgotten. */
void rotated_note(const struct catalog *catalog);
/* Notes that nothing that is made from now on is seen, until the next start. */
void rotated_stop(const struct catalog *catalog);

/* Sets since when files count as unseen. `first`: this is the first run ever. */
void rotated_start(struct catalog *catalog, int first);
/* All that had been made by the start was looked at. */
void rotated_looked(const struct catalog *catalog);

#endif
