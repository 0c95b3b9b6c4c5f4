// What Swift can't say when it starts a program: things that must happen between fork and exec.
#ifndef CPROCESS_H
#define CPROCESS_H

#include <sys/types.h>

// Starts `path` with these words and this environment in a process group of its own, no signal blocked or handled, standard input,
// output and error as given (-1: nothing to read, or nowhere to write errors). On Linux it gets `signal` when the thread that started it is gone, however that ended.
// Returns the process number, or -1 and errno, that of exec included.
pid_t cprocess_start(const char *path, char *const words[], char *const environment[], int input, int output, int errors,
                     int signal);

// This process gets `signal` when the one that started it is gone. Does nothing where the system has no such thing.
void cprocess_on_parents_end(int signal);

// The calling thread, and those it starts from now on, run on these processors alone. Does nothing where there are none, or the system
// has no such thing.
void cprocess_keep_processors(const int *processors, int count);

#endif
