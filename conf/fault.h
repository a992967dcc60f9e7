/* conf/fault.h - places at which a test may end the process, as a power cut would, or stop
 * it for as long as it likes.
 *
 * Compiled in by the CMake option KARIZ_FAULTS alone; else FAULT_POINT() is nothing. With
 * KARIZ_FAULT="name:n" in the environment the n-th passing of that point (from 1) kills
 * the process with SIGKILL; "name:n:stop" stops it with SIGSTOP. The names are in the
 * source only: tests find them there.
 *
 * Thread  any. */
#ifndef CONF_FAULT_H
#define CONF_FAULT_H

#ifdef KARIZ_FAULTS
void fault_point(const char *name);
#define FAULT_POINT(name) fault_point(name)
#else
#define FAULT_POINT(name) ((void)0)
#endif

#endif
