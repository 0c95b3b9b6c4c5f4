// MPI, looked up at run time. Calls work on private groups: a copy of MPI_COMM_WORLD, and parts of it.
// Unless said otherwise the result is MPI's return code, 0 for success.
#ifndef CMPI_H
#define CMPI_H

#include <stddef.h>

// What `cmpi_load` found.
enum cmpi_found {
  CMPI_READY = 0,   // an MPI of a known ABI, with every symbol
  CMPI_MISSING,     // no such library; detail is the loader's message
  CMPI_OTHER,       // an MPI of an ABI that is not known; detail is its version line
  CMPI_INCOMPLETE,  // an MPI without a symbol that is needed; detail is its name
  CMPI_LIES,        // a library that is not what it calls itself; detail is its version line and the contradiction
};

// The binary interfaces.
enum cmpi_abi { CMPI_OPEN_MPI, CMPI_MPICH, CMPI_STANDARD };

// Bytes of the longest text that MPI writes, zero included.
enum { CMPI_TEXT = 8192 };

// A communicator.
typedef struct cmpi_group {
  void *handle;
} cmpi_group;
// A request that is on its way. Zero it before its first use.
typedef struct cmpi_request {
  void *handle;
} cmpi_request;

// Loads a library by its file, or by a name that the system's loader searches for; once one is loaded, it stays the one.
// `detail` (at least 512 bytes) gets one line where the result is not CMPI_READY.
enum cmpi_found cmpi_load(const char *name, char *detail, size_t capacity);
// That of the library that is loaded.
enum cmpi_abi cmpi_interface(void);

// Initialises MPI where nobody has, checks that it grants calls from one thread at a time (`*granted` is 0 where it does not)
// and that its constants are those of its ABI (`*doubt` names one that is not, else NULL), and makes the group of all
// processes. MPI is finalized when the process exits with status 0.
int cmpi_start(int *granted, const char **doubt, cmpi_group *all);
int cmpi_finish(void);
void cmpi_abort(int code);

int cmpi_rank(cmpi_group group, int *rank);
int cmpi_size(cmpi_group group, int *size);
// Some members of a group, in the same order; the handle is null on the others. All call it; it lasts as long as the process.
int cmpi_part(cmpi_group group, int is_member, cmpi_group *part);
// This rank's number among the ranks of its machine, how many there are, and the first one's number in the group.
int cmpi_local(cmpi_group group, int *rank, int *size, int *first);
// Each writes at most CMPI_TEXT bytes, zero included.
int cmpi_processor_name(char *name);
void cmpi_error_text(int code, char *text);
void cmpi_library_version(char *text);

int cmpi_barrier(cmpi_group group);
int cmpi_broadcast(cmpi_group group, void *bytes, int count, int root);
int cmpi_start_broadcast(cmpi_group group, void *bytes, int count, int root, cmpi_request *request);
int cmpi_all_gather(cmpi_group group, const void *bytes, int count, void *all);
// Sums over all ranks, in place, in an order of the library's.
int cmpi_all_reduce(cmpi_group group, float *values, int count);
int cmpi_start_all_reduce(cmpi_group group, float *values, int count, cmpi_request *request);
// The r-th `count` of the values of all ranks, added, on rank r.
int cmpi_reduce_scatter(cmpi_group group, const float *values, float *part, int count);
// Messages of one tag between two ranks arrive in the order in which they were sent. Tags go to 32767.
int cmpi_start_send(cmpi_group group, const void *bytes, int count, int to, int tag, cmpi_request *request);
int cmpi_start_receive(cmpi_group group, void *bytes, int count, int from, int tag, cmpi_request *request);
int cmpi_test(cmpi_request *request, int *done);
int cmpi_wait(cmpi_request *request);

// Tells the processor that this thread spins.
static inline void cmpi_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

#endif
