// The part of Open MPI's binary interface that recur uses (major versions 4 and 5, libmpi.so.40).
//
// Written out here so that building needs no MPI and a process that was not started by a launcher never loads one.
// The lists are macros so that a test can compare every line with the installed <mpi.h>.

#define CMPI_CONSTANTS(X)     \
  X(MPI_SUCCESS, 0)           \
  X(MPI_UNDEFINED, -32766)    \
  X(MPI_THREAD_FUNNELED, 1)   \
  X(MPI_THREAD_SERIALIZED, 2) \
  X(MPI_COMM_TYPE_SHARED, 0)  \
  X(MPI_MAX_ERROR_STRING, 256) \
  X(MPI_MAX_PROCESSOR_NAME, 256) \
  X(MPI_MAX_LIBRARY_VERSION_STRING, 256)

// Handles are the addresses of global objects: type, name in the standard, symbol in the library.
#define CMPI_HANDLES(X)                                       \
  X(MPI_Comm, MPI_COMM_WORLD, ompi_mpi_comm_world)            \
  X(MPI_Comm, MPI_COMM_NULL, ompi_mpi_comm_null)              \
  X(MPI_Info, MPI_INFO_NULL, ompi_mpi_info_null)              \
  X(MPI_Errhandler, MPI_ERRORS_RETURN, ompi_mpi_errors_return) \
  X(MPI_Datatype, MPI_BYTE, ompi_mpi_byte)

#define CMPI_FUNCTIONS(X)                                                                                  \
  X(MPI_Get_library_version, (char *, int *))                                                              \
  X(MPI_Initialized, (int *))                                                                              \
  X(MPI_Finalized, (int *))                                                                                \
  X(MPI_Init_thread, (int *, char ***, int, int *))                                                        \
  X(MPI_Query_thread, (int *))                                                                             \
  X(MPI_Finalize, (void))                                                                                  \
  X(MPI_Abort, (MPI_Comm, int))                                                                            \
  X(MPI_Error_string, (int, char *, int *))                                                                \
  X(MPI_Get_processor_name, (char *, int *))                                                               \
  X(MPI_Comm_rank, (MPI_Comm, int *))                                                                      \
  X(MPI_Comm_size, (MPI_Comm, int *))                                                                      \
  X(MPI_Comm_dup, (MPI_Comm, MPI_Comm *))                                                                  \
  X(MPI_Comm_free, (MPI_Comm *))                                                                           \
  X(MPI_Comm_split, (MPI_Comm, int, int, MPI_Comm *))                                                      \
  X(MPI_Comm_split_type, (MPI_Comm, int, int, MPI_Info, MPI_Comm *))                                       \
  X(MPI_Comm_set_errhandler, (MPI_Comm, MPI_Errhandler))                                                   \
  X(MPI_Barrier, (MPI_Comm))                                                                               \
  X(MPI_Bcast, (void *, int, MPI_Datatype, int, MPI_Comm))                                                 \
  X(MPI_Ibcast, (void *, int, MPI_Datatype, int, MPI_Comm, MPI_Request *))                                 \
  X(MPI_Allgather, (const void *, int, MPI_Datatype, void *, int, MPI_Datatype, MPI_Comm))                 \
  X(MPI_Isend, (const void *, int, MPI_Datatype, int, int, MPI_Comm, MPI_Request *))                       \
  X(MPI_Irecv, (void *, int, MPI_Datatype, int, int, MPI_Comm, MPI_Request *))                             \
  X(MPI_Test, (MPI_Request *, int *, MPI_Status *))                                                        \
  X(MPI_Wait, (MPI_Request *, MPI_Status *))
