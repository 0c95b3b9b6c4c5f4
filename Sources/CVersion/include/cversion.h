// What a script wrote into the finished program about the sources that it was built from.
#ifndef CVERSION_H
#define CVERSION_H

// Bytes of such a text, the zero after it included.
enum { CVERSION_SIZE = 128 };

// Copies the text, which ends with a zero; empty where nobody wrote one. `text` holds CVERSION_SIZE bytes.
void cversion_copy(char *text);

#endif
