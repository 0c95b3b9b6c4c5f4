/// What a random mask inside a layer is for; its number tells the masks of a layer and direction apart, on every engine.
package enum LayerMask: UInt32 {
  case recurrent = 0x3000_0000
  case hiddenZone = 0x5000_0000
  case cellZone = 0x6000_0000
}
