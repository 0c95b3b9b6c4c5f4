#include "cversion.h"

// launch/stamp finds these bytes in the program's file by their first words and writes after them; nothing else in the program may
// hold those words. volatile: what the compiler sees here is not what is there later.
static volatile const char place[16 + CVERSION_SIZE] __attribute__((used)) = "recur-stamp-v1:";

void cversion_copy(char *text) {
  int last = CVERSION_SIZE - 1;
  for (int i = 0; i < last; i++) text[i] = place[16 + i];
  text[last] = 0;
}
