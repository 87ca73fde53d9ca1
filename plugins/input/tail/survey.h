// SPDX-License-Identifier: MIT
/*
 * Looking at everything that the patterns lead to: once at start, and again whenever events may have
 * been missed. Takes the structure lock.
 */
#ifndef TAIL_SURVEY_H
#define TAIL_SURVEY_H

#include "catalog.h"

/* Adopts the files of earlier runs, opens the others. */
void survey_first(struct catalog *catalog);
/* What appeared, what left, what grew unseen. */
void survey_again(struct catalog *catalog);

#endif
