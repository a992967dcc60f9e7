/* conf/build.h - from which commit a program was built.
 *
 * Its text is made by conf/build.cmake with every build, and linked into the programs that
 * say it alone: what a library needs of it, it is given. So a commit compiles one file again.
 *
 * Thread  any. */
#ifndef CONF_BUILD_H
#define CONF_BUILD_H

/* 40 hex digits, with "-dirty" behind them where tracked files were changed since; NULL:
 * not known (built from an archive). */
const char *build_commit(void);

/* "karizd 0.1.0 (f3a9...)" */
void build_print(const char *program);

#endif
