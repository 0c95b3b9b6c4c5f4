// A warp's part of a recurrent product on tensor cores, its weights kept for all steps.
//
// mma.m16n8k8 (tf32) and m16n8k16 (bf16) multiply 16 rows of weights by 8 columns. The inner dimension goes in groups of 16 words.
// Lane 4g + t has words 4t to 4t + 3 of a group, of rows g and g + 8 and of column g: two mma. Which numbers meet in an mma is free
// as long as both factors agree; so a lane reads what lies side by side.

struct alignas(16) Quad {
  unsigned words[4];
};

// The other factor in shared memory: [tiles of 8 columns][groups][8 columns][16 words].
template <int PRECISION> GPU_DEVICE int operand_index(int groups, int index, int column) {
  int word = PRECISION == 2 ? index / 2 : index;
  return (column / 8 * groups + word / CLUSTER_GROUP_WORDS) * CLUSTER_GROUP_PITCH + column % 8 * CLUSTER_GROUP_WORDS +
         word % CLUSTER_GROUP_WORDS;
}
// A number of the other factor as it is stored, and its storing at a word's place.
template <int PRECISION> GPU_DEVICE unsigned operand_number(float value) {
  return PRECISION == 0 ? gpu_bits(value) : PRECISION == 1 ? gpu_tf32(value) : gpu_bf16_pair(value, 0);
}
template <int PRECISION> GPU_DEVICE void store_operand(unsigned *word, int index, unsigned number) {
  if (PRECISION == 2) ((unsigned short *)word)[index % 2] = (unsigned short)number;
  else *word = number;
}

// Numbers of the inner dimension in a group.
template <int PRECISION> struct Group {
  static constexpr int NUMBERS = CLUSTER_GROUP_WORDS * (PRECISION == 2 ? 2 : 1);
};

// Lane's words of a fragment, in the order of the two mma's registers. element(row, of row, index, of index) gives the number of a row
// and an index, each in two parts: where the tile or group starts, and what the lane adds.
template <int PRECISION, class Element>
GPU_DEVICE void load_fragment(unsigned *words, int tile, int group, const Element &element) {
  int lane = gpu_thread() % 32;
  GPU_UNROLL for (int i = 0; i < CLUSTER_FRAGMENT_WORDS; i++) {
    int row = lane / 4 + i % 2 * 8, word = lane % 4 * 4 + i / 2, first = Group<PRECISION>::NUMBERS * group;
    if (PRECISION == 2) words[i] = gpu_bf16_pair(element(16 * tile, row, first, 2 * word), element(16 * tile, row, first, 2 * word + 1));
    else words[i] = operand_number<PRECISION>(element(16 * tile, row, first, word));
  }
}

// A float as the sum of two tf32 numbers: of the products only that of the two small ones is left out (3xTF32).
GPU_DEVICE void split(unsigned bits, unsigned *large, unsigned *small) {
  *large = gpu_tf32(gpu_float(bits));
  *small = gpu_bits(gpu_float(bits) - gpu_float(*large));
}

// The other factor's words of a lane; in float precision the large parts, with the small ones after.
template <int PRECISION> struct Operand {
  unsigned words[4], small[4];
};
template <int PRECISION> GPU_DEVICE void load_operand(Operand<PRECISION> &operand, const Quad &quad) {
  GPU_UNROLL for (int i = 0; i < 4; i++)
    if (PRECISION == 0) split(quad.words[i], &operand.words[i], &operand.small[i]);
    else operand.words[i] = quad.words[i];
}

// sums[0] + sums[1] += fragment · operand, in a fixed order. Two sums, so that not each mma waits for the one before.
template <int PRECISION>
GPU_DEVICE void multiply_fragment(float (*sums)[4], const unsigned *fragment, const Operand<PRECISION> &operand) {
  GPU_UNROLL for (int i = 0; i < 2; i++) {
    const unsigned *a = fragment + 4 * i, *b = operand.words + 2 * i;
    if (PRECISION == 2) gpu_mma_bf16(sums[i], a, b);
    else if (PRECISION == 1) gpu_mma_tf32(sums[i], a, b);
    else {
      unsigned large[4], small[4];
      GPU_UNROLL for (int j = 0; j < 4; j++) split(a[j], &large[j], &small[j]);
      gpu_mma_tf32(sums[1], small, b);
      gpu_mma_tf32(sums[1], large, operand.small + 2 * i);
      gpu_mma_tf32(sums[0], large, b);
    }
  }
}

// The constants of a block's product: P is a cluster_product, COLUMNS the tiles of 8 columns.
template <int PRECISION_, int COLUMNS_, int TILES_, int GROUPS_, int SPLITS_, int WARP_TILES_, int WARP_GROUPS_, int RESIDENT_>
struct Product {
  static constexpr int PRECISION = PRECISION_, COLUMNS = COLUMNS_, TILES = TILES_, GROUPS = GROUPS_, SPLITS = SPLITS_;
  static constexpr int WARP_TILES = WARP_TILES_, WARP_GROUPS = WARP_GROUPS_, RESIDENT = RESIDENT_;
  // Words of one operand.
  static constexpr int OPERAND = COLUMNS * GROUPS * CLUSTER_GROUP_PITCH;
};

// A warp's weights: kept in registers, and after those in shared memory, [WARP_TILES][WARP_GROUPS - RESIDENT][2][32].
template <class P> struct Weights {
  unsigned resident[P::WARP_TILES][P::RESIDENT > 0 ? P::RESIDENT : 1][CLUSTER_FRAGMENT_WORDS];
  Quad *more;
  int first_tile, first_group;
};

template <class P, class Element> GPU_DEVICE void load_weights(Weights<P> &w, Quad *shared, const Element &element) {
  int warp = gpu_thread() / 32, lane = gpu_thread() % 32;
  w.first_tile = warp / P::SPLITS * P::WARP_TILES;
  w.first_group = warp % P::SPLITS * P::WARP_GROUPS;
  w.more = shared + warp * P::WARP_TILES * (P::WARP_GROUPS - P::RESIDENT) * 64 + lane;
  GPU_UNROLL for (int tile = 0; tile < P::WARP_TILES; tile++)
    GPU_UNROLL for (int group = 0; group < P::WARP_GROUPS; group++) {
      unsigned words[CLUSTER_FRAGMENT_WORDS];
      load_fragment<P::PRECISION>(words, w.first_tile + tile, w.first_group + group, element);
      GPU_UNROLL for (int i = 0; i < CLUSTER_FRAGMENT_WORDS; i++)
        if (group < P::RESIDENT) w.resident[tile][group < P::RESIDENT ? group : 0][i] = words[i];
        else w.more[((tile * (P::WARP_GROUPS - P::RESIDENT) + group - P::RESIDENT) * 2 + i / 4) * 32].words[i % 4] = words[i];
    }
}

// The warp's sums over its groups. Its own lanes wrote what they read of the weights in shared memory.
template <class P>
GPU_DEVICE void multiply(float (*sums)[P::WARP_TILES][2][4], const Weights<P> &w, const unsigned *operand) {
  int lane = gpu_thread() % 32;
  GPU_UNROLL for (int column = 0; column < P::COLUMNS; column++)
    GPU_UNROLL for (int tile = 0; tile < P::WARP_TILES; tile++)
      GPU_UNROLL for (int i = 0; i < 8; i++) sums[column][tile][i / 4][i % 4] = 0;
  GPU_UNROLL for (int group = 0; group < P::WARP_GROUPS; group++) {
    if (P::SPLITS * P::WARP_GROUPS > P::GROUPS && w.first_group + group >= P::GROUPS) break;
    Operand<P::PRECISION> b[P::COLUMNS];
    GPU_UNROLL for (int column = 0; column < P::COLUMNS; column++) {
      const unsigned *words = operand + (column * P::GROUPS + w.first_group + group) * CLUSTER_GROUP_PITCH;
      load_operand<P::PRECISION>(b[column], ((const Quad *)words)[lane]);
    }
    GPU_UNROLL for (int tile = 0; tile < P::WARP_TILES; tile++) {
      unsigned a[CLUSTER_FRAGMENT_WORDS];
      GPU_UNROLL for (int i = 0; i < CLUSTER_FRAGMENT_WORDS; i++)
        a[i] = group < P::RESIDENT
                   ? w.resident[tile][group < P::RESIDENT ? group : 0][i]
                   : w.more[((tile * (P::WARP_GROUPS - P::RESIDENT) + group - P::RESIDENT) * 2 + i / 4) * 32].words[i % 4];
      GPU_UNROLL for (int column = 0; column < P::COLUMNS; column++) multiply_fragment<P::PRECISION>(sums[column][tile], a, b[column]);
    }
  }
}
