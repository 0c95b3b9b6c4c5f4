// module Kernels
