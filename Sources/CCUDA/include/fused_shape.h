// A network, a batch and where everything of a tile lies in shared memory, for the kernel that does whole training steps. Read by
// kernels and Swift, so no includes.
#ifndef FUSED_SHAPE_H
#define FUSED_SHAPE_H

enum { FUSED_HEAD_LAYERS = 8 };

// Places are counted in floats from the start of shared memory; those of parameters from the start of the parameters.
typedef struct {
  unsigned long long threshold;  // dropout between layers: see the kernel `dropout`; 0 for none
  unsigned long long head_thresholds[FUSED_HEAD_LAYERS];
  float scale, head_scales[FUSED_HEAD_LAYERS];
  int relu, inputs, hidden, layers, directions, steps, biased;  // layers 0: no recurrent part
  int readout;                                                  // 0 last step, 1 final states, 2 all steps, 3 every step
  int head_layers;
  int head_kinds[FUSED_HEAD_LAYERS];    // 0 linear, 1 relu, 2 tanh, 3 sigmoid, 4 dropout
  int head_widths[FUSED_HEAD_LAYERS];   // what each puts out
  int head_outputs[FUSED_HEAD_LAYERS];  // place of [rows, width]; an activation after a linear layer works in place
  int head_weights[FUSED_HEAD_LAYERS];  // linear: place of [outputs, inputs | 1], then of [outputs] biases
  int head_weight_parameters[FUSED_HEAD_LAYERS];
  int head_bias_parameters[FUSED_HEAD_LAYERS];  // -1 for none
  int read_width, output_width;                 // what the head reads and puts out, for each row
  int weights;                                  // of the recurrent layers, see weights_of
  int x;                                        // place of [T, rows, inputs]
  int gates;                                    // of each layer's [T, rows, D, gates, H], one after the other
  int saved;                                    // of each layer's [T, rows, D·H]: LSTM's cells, GRU's W_hn·h + b_hn
  int outputs;                                  // of each layer's [T, rows, D·H]
  int dropped;                                  // the same after the masks, of all layers but the last
  int d_outputs;                                // [T, rows, D·H]
  int carry;                                    // [rows, D·H], what backward hands from step to step
  int read;                                     // [head rows, read_width]; with `every step` the last layer's outputs
  int d_head[2];                                // [head rows, widest]
  int one;                                      // place of a 1
  int tile_rows, batch;                         // a tile's rows at most; all rows
  int loss;                                     // as in value_loss; 4 cross entropy
  int ignored;
  float delta, smoothing, weight_sum;
  int rule;  // 0 adam, 1 sgd, 2 rmsprop
  int parameters;
} fused_shape;

#endif
