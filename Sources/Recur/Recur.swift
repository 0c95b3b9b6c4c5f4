// module Recur
