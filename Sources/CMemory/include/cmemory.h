// The end of a process that gets no memory: one line and an exit code.
#ifndef CMEMORY_H
#define CMEMORY_H

// In a program that links this module, malloc and its kin (of glibc) return memory or do not return: Swift's own arrays and strings
// trap where there is none, and nobody else here could go on without. Says what could not be had and ends the process.
// json: nonzero to say it as an object on standard output as well. cleanup: runs before the end; it must not need memory.
void cmemory_begin(int json, int code, void (*_Nonnull cleanup)(void));

#endif
