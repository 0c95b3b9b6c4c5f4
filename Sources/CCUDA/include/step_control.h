// What changes from step to step, in device memory: a captured graph never changes. Read by the kernels too, so no includes.
#ifndef STEP_CONTROL_H
#define STEP_CONTROL_H

typedef struct {
  unsigned long long seed, step;  // key the dropout masks
  double clip_norm;               // greatest norm of the mean gradient; 0 for none
  float lr, weight_decay, eps;
  float c1, c2, beta2;         // 1 - beta1, 1 - beta2 (rmsprop: 1 - alpha), beta2 (alpha)
  float adam_step, adam_root;  // lr / (1 - beta1^t), 1 / sqrt(1 - beta2^t)
  float momentum, fresh;       // fresh: 1 - dampening
  float clip_value;            // greatest size of an element of the mean gradient; 0 for none
  float average_decay;         // of the moving average of the parameters
  int nesterov, decoupled, first_step;
  int more;  // whether the next step follows in the same launch, where this one is taken
} step_control;

// What a step leaves behind: sums over its samples, and what was decided on them.
typedef struct {
  double loss, weight, right, counted;
  double squares;  // of the summed gradient
  double norm;     // of the mean gradient, before clipping
  float scale;     // multiplies each gradient: clip factor / weight; valid where result is 0
  int result;      // 0 updated, 1 not finite, 2 no weight
} step_outcome;

#endif
