// Constants of this module: those of another one are looked up where they are used, which the readers' inner loops would feel.

let newline = UInt8(ascii: "\n")
let carriageReturn = UInt8(ascii: "\r")
let quotationMark = UInt8(ascii: "\"")
let space = UInt8(ascii: " ")
let tab = UInt8(ascii: "\t")
