/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prometheus's text format 0.0.4, taken strictly: what `promtool check metrics` would say, and
 * nothing that a scraper forgives.
 */
#ifndef TESTS_MEDIATOR_EXPOSITION_H
#define TESTS_MEDIATOR_EXPOSITION_H

#include <stdbool.h>

#define EXPOSITION_ERROR_SIZE 256

/* False with a text: what is wrong, and in which line. Each family has its HELP, its TYPE and then
 * its samples, once; samples are of their family and differ by their labels; counters of ours end
 * with _total, and are not negative; histograms are whole, and their buckets grow. */
bool exposition_check(const char *text, char error[EXPOSITION_ERROR_SIZE]);

/* The value of the sample with this name whose labels contain `label`; NAN: there is none. */
double exposition_find(const char *text, const char *name, const char *label);

/* Whether there is a family of this name, or a histogram whose part it is. */
bool exposition_has(const char *text, const char *name);

#endif
