// Opening an MPI library, and finding out whether it is what it says.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "table.h"

struct cmpi_table mpi;
static enum cmpi_abi loaded;

// The first line of the library's own text about itself; it may be asked before MPI_Init.
static int version_line(void *library, char *text) {
  int (*version)(char *, int *);
  *(void **)&version = dlsym(library, "MPI_Get_library_version");
  int length = 0;
  text[0] = 0;
  if (version == NULL || version(text, &length) != 0) return 0;
  text[CMPI_TEXT - 1] = 0;
  text[strcspn(text, "\n")] = 0;
  for (char *c = text; *c; c++)
    if (*c == '\t') *c = ' ';
  return 1;
}

static int says(const char *text, const char *const *words) {
  for (; *words != NULL; words++)
    if (strcasestr(text, *words) != NULL) return 1;
  return 0;
}

static const char *const open_mpi_words[] = {"Open MPI", "Spectrum MPI", NULL};
static const char *const mpich_words[] = {"MPICH", "Intel(R) MPI", "MVAPICH", "ParaStation", NULL};

// The standard ABI is known by the library's name, which the standard fixes: the same maker's other library may lie beneath
// it with all its symbols. The other two are known by a symbol of Open MPI's, and must not call themselves by another name.
static enum cmpi_found recognise(void *library, enum cmpi_abi *abi, char *detail, size_t capacity) {
  static char text[CMPI_TEXT];
  int known = version_line(library, text);
  snprintf(detail, capacity, "%s", known ? text : "a library without MPI_Get_library_version");
  struct link_map *map = NULL;
  if (dlinfo(library, RTLD_DI_LINKMAP, &map) != 0) map = NULL;
  const char *file = map == NULL ? "" : strrchr(map->l_name, '/') == NULL ? map->l_name : strrchr(map->l_name, '/') + 1;
  if (!known) return CMPI_OTHER;
  if (strncmp(file, "libmpi_abi", 10) == 0) {
    int (*version)(int *, int *), major = 0, minor = 0;
    *(void **)&version = dlsym(library, "MPI_Abi_get_version");
    if (version != NULL && version(&major, &minor) == 0 && major == 1) {
      *abi = CMPI_STANDARD;
      return CMPI_READY;
    }
    snprintf(detail, capacity, "%.300s: it does not say that it follows version 1 of MPI's ABI", text);
    return CMPI_LIES;
  }
  int is_open = dlsym(library, "ompi_mpi_comm_world") != NULL;
  if (!is_open && !says(text, open_mpi_words) && !says(text, mpich_words)) return CMPI_OTHER;
  if (is_open != says(text, open_mpi_words)) {
    snprintf(detail, capacity, "%.300s: it has%s the symbols of Open MPI", text, is_open ? "" : " not");
    return CMPI_LIES;
  }
  *abi = is_open ? CMPI_OPEN_MPI : CMPI_MPICH;
  return CMPI_READY;
}

static enum cmpi_found look_up(void *library, enum cmpi_abi abi, char *detail, size_t capacity) {
#define X(name, arguments)                                     \
  if ((*(void **)&mpi.name = dlsym(library, #name)) == NULL) { \
    snprintf(detail, capacity, "%s", #name);                   \
    return CMPI_INCOMPLETE;                                    \
  }
  CMPI_FUNCTIONS(X)
#undef X
#define CHOSEN(open, mpich, standard) (abi == CMPI_OPEN_MPI ? (open) : abi == CMPI_MPICH ? (mpich) : (standard))
#define X(name, open, mpich, standard) mpi.name = CHOSEN(open, mpich, standard);
  CMPI_VARIANTS(X)
#undef X
#define X(name, open, mpich, standard) mpi.name = (void *)(size_t)CHOSEN(open, mpich, standard);
  CMPI_POINTERS(X)
#undef X
#define X(type, name, symbol, mpich, standard)                                             \
  if ((mpi.name = CHOSEN(dlsym(library, #symbol), (type)mpich, (type)standard)) == NULL) { \
    snprintf(detail, capacity, "%s", #symbol);                                             \
    return CMPI_INCOMPLETE;                                                                \
  }
  CMPI_HANDLES(X)
#undef X
  return CMPI_READY;
}

enum cmpi_found cmpi_load(const char *name, char *detail, size_t capacity) {
  static void *library;
  if (library != NULL) return CMPI_READY;
  // RTLD_GLOBAL: Open MPI's plug-ins expect to find its symbols.
  void *found = dlopen(name, RTLD_NOW | RTLD_GLOBAL);
  if (found == NULL) {
    const char *reason = dlerror();
    snprintf(detail, capacity, "%s", reason != NULL ? reason : name);
    return CMPI_MISSING;
  }
  enum cmpi_abi abi;
  enum cmpi_found result = recognise(found, &abi, detail, capacity);
  if (result == CMPI_READY) result = look_up(found, abi, detail, capacity);
  if (result == CMPI_READY) {
    library = found;
    loaded = abi;
  }
  return result;
}

enum cmpi_abi cmpi_interface(void) { return loaded; }

const char *cmpi_doubt(void) {
  int size = 0, rank = -1, count = 0;
#define HAS_SIZE(type, bytes) (mpi.MPI_Type_size(mpi.type, &size) == MPI_SUCCESS && size == (bytes))
  if (!HAS_SIZE(MPI_BYTE, 1)) return "its MPI_BYTE is not one byte";
  if (!HAS_SIZE(MPI_FLOAT, 4)) return "its MPI_FLOAT is not four bytes";
  if (!HAS_SIZE(MPI_DOUBLE, 8)) return "its MPI_DOUBLE is not eight bytes";
#undef HAS_SIZE
  if (mpi.MPI_Comm_size(mpi.MPI_COMM_SELF, &count) != MPI_SUCCESS || count != 1) return "its MPI_COMM_SELF is not one process";
  if (mpi.MPI_Comm_size(mpi.MPI_COMM_WORLD, &count) != MPI_SUCCESS || mpi.MPI_Comm_rank(mpi.MPI_COMM_WORLD, &rank) != MPI_SUCCESS ||
      rank < 0 || rank >= count)
    return "its MPI_COMM_WORLD has no sensible rank and size";
  MPI_Comm none = NULL;
  if (mpi.MPI_Comm_split(mpi.MPI_COMM_SELF, MPI_UNDEFINED, 0, &none) != MPI_SUCCESS || none != mpi.MPI_COMM_NULL)
    return "its MPI_UNDEFINED or MPI_COMM_NULL is another";
  const float one = 1.5f;
  float sum = 2.25f;
  if (mpi.MPI_Reduce_local(&one, &sum, 1, mpi.MPI_FLOAT, mpi.MPI_SUM) != MPI_SUCCESS || sum != 3.75f)
    return "its MPI_SUM does not add";
  return NULL;
}
