// The gates of cells with layer norm, forward and back, a row at a time: its moments, gates and the norms' gradients are formed while
// it lies in first-level cache.

// Asks for `count` floats after a row, which the next one is: pages end there, and with them what the processor asks for by itself.
#define ASK_BEHIND(p, count, writes) __builtin_prefetch((p) + (count), writes, 3)

// Elman's: h = tanh (or relu) of the two norms' sum.
static void RK(normed_rnn)(const rk_normed *input, const rk_normed *recurrent, float *h, ptrdiff_t relu, ptrdiff_t rows) {
  ptrdiff_t units = input->norm.units;
  EACH_ROW(rows, {
    row_moments(&recurrent->norm, recurrent->x + row * units, recurrent->moments + row * 2);
    rk_normed_row x = normed_row(input, row, 0), r = normed_row(recurrent, row, 0);
    EACH(units, {
      ASK_BEHIND(x.x + e, units, 0);
      vf sum = v_normed(&x, e, N) + v_normed(&r, e, N);
      v_store_n(h + row * units + e, relu ? v_at_least(sum, 0) : v_tanh(sum), N);
    })
  })
}

static void RK(normed_rnn_back)(const rk_normed *input, const rk_normed *recurrent, const float *h, const float *dh, float *scratch,
                                ptrdiff_t relu, ptrdiff_t rows) {
  ptrdiff_t units = input->norm.units;
  EACH_ROW(rows, {
    float *x = input->x + row * units, *r = recurrent->x + row * units;
    EACH(units, {
      ASK_BEHIND(x + e, units, 1);
      ASK_BEHIND(r + e, units, 1);
      vf d = v_load_n(dh + row * units + e, N), y = v_load_n(h + row * units + e, N);
      v_store_n(scratch + e, relu ? v_select(y > v_set(0), d, v_set(0)) : d * (1.0f - y * y), N);
    })
    norm_back_row(input, row, scratch, x);
    norm_back_row(recurrent, row, scratch, r);
  })
}

// i f g o, then c' = f·c + i·g and h = o·tanh of its norm; c' is cell->x, and `c` what is left of it behind the zone.
static void RK(normed_lstm)(const rk_normed *input, const rk_normed *recurrent, const rk_normed *cell, float *gates,
                            const float *c_in, float *c, float *s, float *h, rk_zone zone, ptrdiff_t rows) {
  ptrdiff_t units = input->norm.units;
  EACH_ROW(rows, {
    ptrdiff_t at = row * units;
    float *gate = gates + 4 * at, *fresh = cell->x + at;
    const float *before = c_in ? c_in + at : 0;
    row_moments(&recurrent->norm, recurrent->x + 4 * at, recurrent->moments + row * 2);
    rk_normed_row x = normed_row(input, row, 0), r = normed_row(recurrent, row, 0);
    EACH(units, {
      // clang-format off: it takes this loop for one of the function's own.
      vf sum[4];
      UNROLL for (int g = 0; g < 4; g++) {
        // clang-format on
        ptrdiff_t u = g * units + e;
        ASK_BEHIND(x.x + u, 4 * units, 0);
        ASK_BEHIND(gate + u, 4 * units, 1);
        sum[g] = v_normed(&x, u, N) + v_normed(&r, u, N);
      }
      vf in = v_sigmoid(sum[0]), forget = v_sigmoid(sum[1]), candidate = v_tanh(sum[2]);
      v_store_n(gate + e, in, N);
      v_store_n(gate + units + e, forget, N);
      v_store_n(gate + 2 * units + e, candidate, N);
      v_store_n(gate + 3 * units + e, v_sigmoid(sum[3]), N);
      v_store_n(fresh + e, before ? v_fma(forget, v_load_n(before + e, N), in * candidate) : in * candidate, N);
    })
    row_moments(&cell->norm, fresh, cell->moments + row * 2);
    rk_normed_row y = normed_row(cell, row, 0);
    EACH(units, {
      vf t = v_tanh(v_normed(&y, e, N));
      v_store_n(s + at + e, t, N);
      v_store_n(h + at + e, v_load_n(gate + 3 * units + e, N) * t, N);
      if (is_zoned(zone)) {
        vf now = v_load_n(fresh + e, N), old = before ? v_load_n(before + e, N) : v_set(0);
        v_store_n(c + at + e, v_fma(v_zone(zone, at + e, N), old - now, now), N);
      }
    })
  })
}

static void RK(normed_lstm_back)(const rk_normed *input, const rk_normed *recurrent, const rk_normed *cell, const float *gates,
                                 const float *s, const float *dh, float *dc, const float *c_in, rk_zone zone, float *scratch,
                                 ptrdiff_t rows) {
  ptrdiff_t units = input->norm.units;
  EACH_ROW(rows, {
    ptrdiff_t at = row * units;
    const float *gate = gates + 4 * at, *before = c_in ? c_in + at : 0;
    float *x = input->x + 4 * at, *r = recurrent->x + 4 * at, *d_cell = scratch + 4 * units, *later = dc + at;
    EACH(units, {
      vf d = v_load_n(dh + at + e, N), t = v_load_n(s + at + e, N), out = v_load_n(gate + 3 * units + e, N);
      v_store_n(d_cell + e, d * out * (1.0f - t * t), N);
      v_store_n(scratch + 3 * units + e, d * t * out * (1.0f - out), N);
    })
    norm_back_row(cell, row, d_cell, d_cell);
    EACH(units, {
  UNROLL for (int g = 0; g < 4; g++) {
        ASK_BEHIND(gate + g * units + e, 4 * units, 0);
        ASK_BEHIND(x + g * units + e, 4 * units, 1);
        ASK_BEHIND(r + g * units + e, 4 * units, 1);
      }
      vf behind = v_load_n(later + e, N), kept = v_set(0);
      if (is_zoned(zone)) {
        kept = behind * v_zone(zone, at + e, N);
        behind -= kept;
      }
      vf d = v_load_n(d_cell + e, N) + behind;
      vf in = v_load_n(gate + e, N), forget = v_load_n(gate + units + e, N), candidate = v_load_n(gate + 2 * units + e, N);
      v_store_n(scratch + e, d * candidate * in * (1.0f - in), N);
      v_store_n(scratch + units + e, before ? d * v_load_n(before + e, N) * forget * (1.0f - forget) : v_set(0), N);
      v_store_n(scratch + 2 * units + e, d * in * (1.0f - candidate * candidate), N);
      v_store_n(later + e, v_fma(d, forget, kept), N);
    })
    norm_back_row(input, row, scratch, x);
    norm_back_row(recurrent, row, scratch, r);
  })
}

// r z n, the reset gate after the norm of the recurrent product; r and z are normalized together, n by itself.
static void RK(normed_gru)(const rk_normed *input, const rk_normed *recurrent, float *gates, const float *h_in, ptrdiff_t ldh, float *h,
                           ptrdiff_t rows) {
  ptrdiff_t units = input->norm.units;
  EACH_ROW(rows, {
    float *gate = gates + row * 3 * units;
    const float *before = h_in ? h_in + row * ldh : 0;
    row_moments(&recurrent->norm, recurrent->x + row * 3 * units, recurrent->moments + row * 4);
    rk_normed_row x = normed_row(input, row, 0), x_new = normed_row(input, row, 1);
    rk_normed_row r = normed_row(recurrent, row, 0), r_new = normed_row(recurrent, row, 1);
    EACH(units, {
      UNROLL for (int g = 0; g < 3; g++) {
        ASK_BEHIND(x.x + g * units + e, 3 * units, 0);
        ASK_BEHIND(gate + g * units + e, 3 * units, 1);
      }
      vf reset = v_sigmoid(v_normed(&x, e, N) + v_normed(&r, e, N));
      vf update = v_sigmoid(v_normed(&x, units + e, N) + v_normed(&r, units + e, N));
      vf candidate = v_tanh(v_fma(reset, v_normed(&r_new, 2 * units + e, N), v_normed(&x_new, 2 * units + e, N)));
      vf old = before ? v_load_n(before + e, N) : v_set(0);
      v_store_n(gate + e, reset, N);
      v_store_n(gate + units + e, update, N);
      v_store_n(gate + 2 * units + e, candidate, N);
      v_store_n(h + row * units + e, v_fma(update, old - candidate, candidate), N);
    })
  })
}

static void RK(normed_gru_back)(const rk_normed *input, const rk_normed *recurrent, const float *gates, const float *dh, const float *h_in,
                                ptrdiff_t ldh, float *d_in, float *scratch, ptrdiff_t rows) {
  ptrdiff_t units = input->norm.units;
  EACH_ROW(rows, {
    ptrdiff_t at = row * units;
    const float *gate = gates + 3 * at, *before = h_in ? h_in + row * ldh : 0;
    float *x = input->x + 3 * at, *r = recurrent->x + 3 * at, *d_sums = scratch + 3 * units;
    rk_normed_row r_new = normed_row(recurrent, row, 1);
    EACH(units, {
      UNROLL for (int g = 0; g < 3; g++) {
        ASK_BEHIND(gate + g * units + e, 3 * units, 0);
        ASK_BEHIND(x + g * units + e, 3 * units, 1);
        ASK_BEHIND(r + g * units + e, 3 * units, 1);
      }
      vf reset = v_load_n(gate + e, N), update = v_load_n(gate + units + e, N), candidate = v_load_n(gate + 2 * units + e, N);
      vf out = v_load_n(dh + at + e, N), old = before ? v_load_n(before + e, N) : v_set(0);
      vf dn = out * (1.0f - update) * (1.0f - candidate * candidate);
      vf d_reset = dn * v_normed(&r_new, 2 * units + e, N) * reset * (1.0f - reset);
      vf d_update = out * (old - candidate) * update * (1.0f - update);
      v_store_n(scratch + e, d_reset, N);
      v_store_n(scratch + units + e, d_update, N);
      v_store_n(scratch + 2 * units + e, dn, N);
      v_store_n(d_sums + e, d_reset, N);
      v_store_n(d_sums + units + e, d_update, N);
      v_store_n(d_sums + 2 * units + e, dn * reset, N);
      v_store_n(d_in + at + e, v_fma(out, update, v_load_n(d_in + at + e, N)), N);
    })
    norm_back_row(input, row, scratch, x);
    norm_back_row(recurrent, row, d_sums, r);
  })
}
