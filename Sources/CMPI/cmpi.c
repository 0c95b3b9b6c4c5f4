#define _GNU_SOURCE
#include "cmpi.h"

#include <stdio.h>
#include <stdlib.h>

#include "table.h"

static cmpi_group world;  // of all processes
static int ours;          // this process called MPI_Init, so it calls MPI_Finalize

static void finish_at_exit(int status, void *unused) {
  (void)unused;
  // After a failure the peers may never reach MPI_Finalize: leave without it, and the launcher ends them.
  if (status == 0) cmpi_finish();
}

// A group's communicator.
static MPI_Comm comm(cmpi_group group) { return group.handle; }

static int return_errors(MPI_Comm c) { return mpi.MPI_Comm_set_errhandler(c, mpi.MPI_ERRORS_RETURN); }

int cmpi_start(int *granted, const char **doubt, cmpi_group *all) {
  int started = 0, code = mpi.MPI_Initialized(&started);
  *granted = mpi.MPI_THREAD_SERIALIZED;
  *doubt = NULL;
  if (code == MPI_SUCCESS && started) code = mpi.MPI_Query_thread(granted);
  if (code == MPI_SUCCESS && !started) {
    code = mpi.MPI_Init_thread(NULL, NULL, mpi.MPI_THREAD_SERIALIZED, granted);
    ours = 1;
  }
  *granted = *granted >= mpi.MPI_THREAD_SERIALIZED;
  if (code == MPI_SUCCESS) code = return_errors(mpi.MPI_COMM_WORLD);
  if (code == MPI_SUCCESS) code = return_errors(mpi.MPI_COMM_SELF);
  if (code == MPI_SUCCESS) *doubt = cmpi_doubt();
  if (*doubt != NULL) return code;
  if (code == MPI_SUCCESS) code = mpi.MPI_Comm_dup(mpi.MPI_COMM_WORLD, (MPI_Comm *)&world.handle);
  if (code == MPI_SUCCESS) code = return_errors(comm(world));
  if (code == MPI_SUCCESS) on_exit(finish_at_exit, NULL);
  *all = world;
  return code;
}

int cmpi_finish(void) {
  int done = 0, code = mpi.MPI_Finalized(&done);
  if (code != MPI_SUCCESS || done || world.handle == NULL) return code;
  code = mpi.MPI_Comm_free((MPI_Comm *)&world.handle);
  world.handle = NULL;
  if (code == MPI_SUCCESS && ours) code = mpi.MPI_Finalize();
  return code;
}

void cmpi_abort(int code) { mpi.MPI_Abort(mpi.MPI_COMM_WORLD, code); }

int cmpi_rank(cmpi_group group, int *rank) { return mpi.MPI_Comm_rank(comm(group), rank); }
int cmpi_size(cmpi_group group, int *size) { return mpi.MPI_Comm_size(comm(group), size); }

int cmpi_part(cmpi_group group, int is_member, cmpi_group *part) {
  int number, code = mpi.MPI_Comm_rank(comm(group), &number);
  part->handle = NULL;
  if (code == MPI_SUCCESS) code = mpi.MPI_Comm_split(comm(group), is_member ? 0 : MPI_UNDEFINED, number, (MPI_Comm *)&part->handle);
  if (code == MPI_SUCCESS && comm(*part) == mpi.MPI_COMM_NULL) part->handle = NULL;
  return code == MPI_SUCCESS && part->handle != NULL ? return_errors(comm(*part)) : code;
}

int cmpi_local(cmpi_group group, int *rank, int *size, int *first) {
  MPI_Comm machine = NULL;
  int number = 0, code = mpi.MPI_Comm_rank(comm(group), &number);
  if (code == MPI_SUCCESS)
    code = mpi.MPI_Comm_split_type(comm(group), mpi.MPI_COMM_TYPE_SHARED, number, mpi.MPI_INFO_NULL, &machine);
  if (code != MPI_SUCCESS) return code;
  code = mpi.MPI_Comm_rank(machine, rank);
  if (code == MPI_SUCCESS) code = mpi.MPI_Comm_size(machine, size);
  *first = number;
  if (code == MPI_SUCCESS) code = mpi.MPI_Bcast(first, sizeof *first, mpi.MPI_BYTE, 0, machine);
  int freed = mpi.MPI_Comm_free(&machine);
  return code != MPI_SUCCESS ? code : freed;
}

int cmpi_processor_name(char *name) {
  int length = 0;
  return mpi.MPI_Get_processor_name(name, &length);
}

void cmpi_error_text(int code, char *text) {
  int length = 0;
  if (mpi.MPI_Error_string(code, text, &length) != MPI_SUCCESS) snprintf(text, CMPI_TEXT, "MPI error %d", code);
}

void cmpi_library_version(char *text) {
  int length = 0;
  if (mpi.MPI_Get_library_version(text, &length) != MPI_SUCCESS) text[0] = 0;
}

int cmpi_barrier(cmpi_group group) { return mpi.MPI_Barrier(comm(group)); }

int cmpi_broadcast(cmpi_group group, void *bytes, int count, int root) {
  return mpi.MPI_Bcast(bytes, count, mpi.MPI_BYTE, root, comm(group));
}

int cmpi_start_broadcast(cmpi_group group, void *bytes, int count, int root, cmpi_request *request) {
  return mpi.MPI_Ibcast(bytes, count, mpi.MPI_BYTE, root, comm(group), (MPI_Request *)&request->handle);
}

int cmpi_all_gather(cmpi_group group, const void *bytes, int count, void *all) {
  return mpi.MPI_Allgather(bytes, count, mpi.MPI_BYTE, all, count, mpi.MPI_BYTE, comm(group));
}

int cmpi_all_reduce(cmpi_group group, float *values, int count) {
  return mpi.MPI_Allreduce(mpi.MPI_IN_PLACE, values, count, mpi.MPI_FLOAT, mpi.MPI_SUM, comm(group));
}

int cmpi_start_all_reduce(cmpi_group group, float *values, int count, cmpi_request *request) {
  return mpi.MPI_Iallreduce(mpi.MPI_IN_PLACE, values, count, mpi.MPI_FLOAT, mpi.MPI_SUM, comm(group),
                            (MPI_Request *)&request->handle);
}

int cmpi_reduce_scatter(cmpi_group group, const float *values, float *part, int count) {
  return mpi.MPI_Reduce_scatter_block(values, part, count, mpi.MPI_FLOAT, mpi.MPI_SUM, comm(group));
}

int cmpi_start_send(cmpi_group group, const void *bytes, int count, int to, int tag, cmpi_request *request) {
  return mpi.MPI_Isend(bytes, count, mpi.MPI_BYTE, to, tag, comm(group), (MPI_Request *)&request->handle);
}

int cmpi_start_receive(cmpi_group group, void *bytes, int count, int from, int tag, cmpi_request *request) {
  return mpi.MPI_Irecv(bytes, count, mpi.MPI_BYTE, from, tag, comm(group), (MPI_Request *)&request->handle);
}

int cmpi_test(cmpi_request *request, int *done) {
  return mpi.MPI_Test((MPI_Request *)&request->handle, done, mpi.MPI_STATUS_IGNORE);
}

int cmpi_wait(cmpi_request *request) { return mpi.MPI_Wait((MPI_Request *)&request->handle, mpi.MPI_STATUS_IGNORE); }
