/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which baregpu this is: the one place where it stands, for the library, the commands and the
 * packages. Semantic versioning: below 1.0.0 a new minor version may change the interface.
 * CHANGELOG.md says what did.
 */
#ifndef BAREGPU_VERSION_H
#define BAREGPU_VERSION_H

#define BAREGPU_VERSION_MAJOR 0
#define BAREGPU_VERSION_MINOR 1
#define BAREGPU_VERSION_PATCH 0

/* For comparisons: #if BAREGPU_VERSION_NUMBER >= BAREGPU_VERSION_OF(0, 2, 0) */
#define BAREGPU_VERSION_OF(major, minor, patch) ((major) * 1000000 + (minor) * 1000 + (patch))
#define BAREGPU_VERSION_NUMBER                                                                     \
    BAREGPU_VERSION_OF(BAREGPU_VERSION_MAJOR, BAREGPU_VERSION_MINOR, BAREGPU_VERSION_PATCH)

/* "0.1.0" */
#define BAREGPU_VERSION                                                                            \
    BAREGPU_VERSION_TEXT(BAREGPU_VERSION_MAJOR, BAREGPU_VERSION_MINOR, BAREGPU_VERSION_PATCH)
#define BAREGPU_VERSION_TEXT(major, minor, patch) BAREGPU_VERSION_JOIN(major, minor, patch)
#define BAREGPU_VERSION_JOIN(major, minor, patch) #major "." #minor "." #patch

#endif
