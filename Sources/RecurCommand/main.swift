import Recurrent
import Kernels
import CKernels
import Glibc

struct C { var name: String, cell: Architecture.Cell, i: Int, h: Int, l: Int, t: Int, b: Int, bi: Bool, r: Architecture.Readout, o: Int }
let cases: [C] = [
  C(name: "stock-rnn", cell: .rnn, i: 4, h: 8, l: 2, t: 5, b: 20, bi: false, r: .allSteps, o: 1),
  C(name: "stock-lstm", cell: .lstm, i: 4, h: 8, l: 2, t: 5, b: 20, bi: false, r: .allSteps, o: 1),
  C(name: "stock-gru", cell: .gru, i: 4, h: 8, l: 2, t: 5, b: 20, bi: false, r: .allSteps, o: 1),
  C(name: "mnist-bilstm", cell: .lstm, i: 28, h: 12, l: 2, t: 28, b: 128, bi: true, r: .allSteps, o: 10),
  C(name: "mid-rnn", cell: .rnn, i: 64, h: 256, l: 2, t: 100, b: 64, bi: false, r: .lastStep, o: 10),
  C(name: "mid-lstm", cell: .lstm, i: 64, h: 256, l: 2, t: 100, b: 64, bi: false, r: .lastStep, o: 10),
  C(name: "mid-gru", cell: .gru, i: 64, h: 256, l: 2, t: 100, b: 64, bi: false, r: .lastStep, o: 10),
  C(name: "charlm-lstm", cell: .lstm, i: 128, h: 512, l: 2, t: 64, b: 64, bi: false, r: .everyStep, o: 96),
  C(name: "charlm-gru", cell: .gru, i: 128, h: 512, l: 2, t: 64, b: 64, bi: false, r: .everyStep, o: 96),
  C(name: "big-lstm", cell: .lstm, i: 1024, h: 1024, l: 2, t: 35, b: 64, bi: false, r: .lastStep, o: 10),
]
func now() -> Double { var t = timespec(); clock_gettime(CLOCK_MONOTONIC, &t); return Double(t.tv_sec) + Double(t.tv_nsec) * 1e-9 }
let args = CommandLine.arguments.dropFirst()
for c in cases where args.isEmpty || args.contains(c.name) {
  var a = Architecture(cell: c.cell, inputSize: c.i, hiddenSize: c.h, steps: c.t, head: [.linear(c.o)])
  a.layers = c.l; a.bidirectional = c.bi; a.readout = c.r
  let m = try Model(a, seed: 0)
  let rows = a.outputRows(steps: c.t, batch: c.b)
  let x = FloatBuffer(c.t * c.b * c.i), y = FloatBuffer(rows), d = FloatBuffer(rows * c.o)
  for i in 0..<x.count { x.base[i] = Float(i % 17) / 17 - 0.5 }
  for i in 0..<y.count { y.base[i] = Float(i % 7) / 7 }
  let cls = (0..<rows).map { Int32($0 % c.o) }, ids = (0..<c.b).map { Int32($0) }
  let mm = FloatBuffer(m.layout.count), vv = FloatBuffer(m.layout.count)
  let loss: Loss = c.name.hasPrefix("stock") ? .mse : .crossEntropy()
  func step(_ t: Int) -> Double {
    m.zeroGradients()
    let o = m.forward(inputs: x.base, samples: ids, steps: c.t, batch: c.b, mode: .training(seed: 0, step: 0))
    let total = loss.evaluate(outputs: o.baseAddress!, rows: rows, width: c.o, values: y.base, classes: cls, gradient: d.base)
    m.backward(d.base)
    var q = rk_optimizer()
    q.gradient_scale = Float(1 / total.weight); q.lr = 1e-3; q.beta1 = 0.9; q.beta2 = 0.999; q.eps = 1e-8
    q.bias1 = 1 - powf(0.9, Float(t)); q.bias2_sqrt = sqrtf(1 - powf(0.999, Float(t)))
    m.kernels.functions.adam(&q, m.parameters.baseAddress!, m.gradients.baseAddress!, mm.base, vv.base, m.layout.count)
    m.parametersChanged()
    return total.sum
  }
  var ts: [Double] = []
  let start = now()
  var l = 0.0
  var t = 0
  while (now() - start < 3 && ts.count < 3000) || ts.count < 3 { t += 1; let s = now(); l = step(t); ts.append(now() - s) }
  ts.sort()
  var f = 0
  let g = c.cell.gateCount, D = c.bi ? 2 : 1
  for k in 0..<c.l { f += D * c.t * c.b * 2 * g * c.h * ((k == 0 ? c.i : c.h * D) + c.h) }
  f += 2 * c.b * c.o * (c.r == .allSteps ? c.h * D * c.t : c.h * D * (c.r == .everyStep ? c.t : 1))
  print("\(c.name) \(ts[ts.count / 2] * 1e3) ms (min \(ts[0] * 1e3)) \(Double(3 * f) / ts[ts.count / 2] * 1e-9) GF loss \(l)")
}
