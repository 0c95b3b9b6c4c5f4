// The loaded library: its functions and constants, in the shape that fits every ABI.
#ifndef CMPI_TABLE_H
#define CMPI_TABLE_H

#include "abi.h"
#include "cmpi.h"

// A handle is a pointer for Open MPI and the standard, and an int for MPICH. Passed as wide as a pointer each of them takes the
// part it knows; one that a library writes must lie in zeroed memory, and its first bytes must be the low ones.
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "handles of MPICH's ABI are read from the low bytes of a pointer"
#endif
typedef void *MPI_Comm;
typedef void *MPI_Datatype;
typedef void *MPI_Op;
typedef void *MPI_Info;
typedef void *MPI_Errhandler;
typedef void *MPI_Request;
typedef void MPI_Status;

#define X(name, value) enum { name = value };
CMPI_CONSTANTS(X)
#undef X
#define X(name, open, mpich, standard) \
  _Static_assert((open) <= CMPI_TEXT && (mpich) <= CMPI_TEXT && (standard) <= CMPI_TEXT, #name);
CMPI_LIMITS(X)
#undef X

struct cmpi_table {
#define X(name, arguments) int(*name) arguments;
  CMPI_FUNCTIONS(X)
#undef X
#define X(type, name, symbol, mpich, standard) type name;
  CMPI_HANDLES(X)
#undef X
#define X(name, open, mpich, standard) void *name;
  CMPI_POINTERS(X)
#undef X
#define X(name, open, mpich, standard) int name;
  CMPI_VARIANTS(X)
#undef X
};

// Filled by `cmpi_load`.
extern struct cmpi_table mpi __attribute__((visibility("hidden")));

// After MPI_Init: what of the constants is not the library's, such as "its MPI_BYTE is not one byte"; NULL where all are right.
const char *cmpi_doubt(void) __attribute__((visibility("hidden")));

#endif
