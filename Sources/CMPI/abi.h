// The part of MPI's binary interfaces that recur uses. There are three, and every MPI follows one of them:
//
//   Open MPI   libmpi.so.40: Open MPI 4 and 5, Spectrum MPI
//   MPICH      libmpi.so.12 or libmpich.so.12: MPICH, Intel MPI, MVAPICH, Cray MPICH
//   standard   libmpi_abi.so.1: MPI 5 of any maker
//
// Written out here so that building needs no MPI and a process that was not started by a launcher never loads one.
// The lists are macros so that a test can compare every line with the headers of each.

// The same in all.
#define CMPI_CONSTANTS(X) \
  X(MPI_SUCCESS, 0)       \
  X(MPI_UNDEFINED, -32766)

// Name, Open MPI, MPICH, standard.
#define CMPI_VARIANTS(X)               \
  X(MPI_THREAD_SERIALIZED, 2, 2, 2048) \
  X(MPI_COMM_TYPE_SHARED, 0, 1, 221)

// Bytes of the longest texts, zero included.
#define CMPI_LIMITS(X)                     \
  X(MPI_MAX_PROCESSOR_NAME, 256, 128, 256) \
  X(MPI_MAX_ERROR_STRING, 256, 512, 512)   \
  X(MPI_MAX_LIBRARY_VERSION_STRING, 256, 8192, 8192)

// Pointers that are no addresses.
#define CMPI_POINTERS(X)        \
  X(MPI_STATUS_IGNORE, 0, 1, 0) \
  X(MPI_IN_PLACE, 1, -1, 1)

// Type and name in the standard; the global object of Open MPI whose address the handle is; the handle in the others.
#define CMPI_HANDLES(X)                                                           \
  X(MPI_Comm, MPI_COMM_WORLD, ompi_mpi_comm_world, 0x44000000, 0x101)             \
  X(MPI_Comm, MPI_COMM_SELF, ompi_mpi_comm_self, 0x44000001, 0x102)               \
  X(MPI_Comm, MPI_COMM_NULL, ompi_mpi_comm_null, 0x04000000, 0x100)               \
  X(MPI_Info, MPI_INFO_NULL, ompi_mpi_info_null, 0x1c000000, 0x130)               \
  X(MPI_Errhandler, MPI_ERRORS_RETURN, ompi_mpi_errors_return, 0x54000001, 0x143) \
  X(MPI_Datatype, MPI_BYTE, ompi_mpi_byte, 0x4c00010d, 0x247)                     \
  X(MPI_Datatype, MPI_FLOAT, ompi_mpi_float, 0x4c00040a, 0x210)                   \
  X(MPI_Datatype, MPI_DOUBLE, ompi_mpi_double, 0x4c00080b, 0x214)                 \
  X(MPI_Op, MPI_SUM, ompi_mpi_op_sum, 0x58000003, 0x21)

#define CMPI_FUNCTIONS(X)                                                                       \
  X(MPI_Get_library_version, (char *, int *))                                                   \
  X(MPI_Initialized, (int *))                                                                   \
  X(MPI_Finalized, (int *))                                                                     \
  X(MPI_Init_thread, (int *, char ***, int, int *))                                             \
  X(MPI_Query_thread, (int *))                                                                  \
  X(MPI_Finalize, (void))                                                                       \
  X(MPI_Abort, (MPI_Comm, int))                                                                 \
  X(MPI_Error_string, (int, char *, int *))                                                     \
  X(MPI_Get_processor_name, (char *, int *))                                                    \
  X(MPI_Type_size, (MPI_Datatype, int *))                                                       \
  X(MPI_Comm_rank, (MPI_Comm, int *))                                                           \
  X(MPI_Comm_size, (MPI_Comm, int *))                                                           \
  X(MPI_Comm_dup, (MPI_Comm, MPI_Comm *))                                                       \
  X(MPI_Comm_free, (MPI_Comm *))                                                                \
  X(MPI_Comm_split, (MPI_Comm, int, int, MPI_Comm *))                                           \
  X(MPI_Comm_split_type, (MPI_Comm, int, int, MPI_Info, MPI_Comm *))                            \
  X(MPI_Comm_set_errhandler, (MPI_Comm, MPI_Errhandler))                                        \
  X(MPI_Barrier, (MPI_Comm))                                                                    \
  X(MPI_Bcast, (void *, int, MPI_Datatype, int, MPI_Comm))                                      \
  X(MPI_Ibcast, (void *, int, MPI_Datatype, int, MPI_Comm, MPI_Request *))                      \
  X(MPI_Allgather, (const void *, int, MPI_Datatype, void *, int, MPI_Datatype, MPI_Comm))      \
  X(MPI_Allreduce, (const void *, void *, int, MPI_Datatype, MPI_Op, MPI_Comm))                 \
  X(MPI_Iallreduce, (const void *, void *, int, MPI_Datatype, MPI_Op, MPI_Comm, MPI_Request *)) \
  X(MPI_Reduce_scatter_block, (const void *, void *, int, MPI_Datatype, MPI_Op, MPI_Comm))      \
  X(MPI_Reduce_local, (const void *, void *, int, MPI_Datatype, MPI_Op))                        \
  X(MPI_Isend, (const void *, int, MPI_Datatype, int, int, MPI_Comm, MPI_Request *))            \
  X(MPI_Irecv, (void *, int, MPI_Datatype, int, int, MPI_Comm, MPI_Request *))                  \
  X(MPI_Test, (MPI_Request *, int *, MPI_Status *))                                             \
  X(MPI_Wait, (MPI_Request *, MPI_Status *))
