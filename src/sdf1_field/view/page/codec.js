// Inverse of view/codec.py: inflate, join planes, undo the differences in time.
async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// An array as described by view/arrays.py: {block, shape, bits}.
async function decodeArray(told) {
  const flat = await inflate(page.block(told.block));
  const total = told.shape.reduce((product, length) => product * length, 1);
  const frame = told.shape[0] ? total / told.shape[0] : 0;
  let codes = flat;
  if (told.bits === 16) {
    codes = new Uint16Array(total);
    for (let n = 0; n < total; n += 1) codes[n] = flat[n] | (flat[total + n] << 8);
  }
  for (let n = frame; n < total; n += 1) codes[n] += codes[n - frame];
  if (told.ways) {
    const vertices = told.shape[told.shape.length - 1];
    for (let n = 0; n < total; n += 1) if (n % vertices) codes[n] += codes[n - 1];
  }
  return codes;
}

function valueOf(scale, code) {
  if (code === scale.missing) return NaN;
  if (scale.kind === "linear") return scale.low + scale.step * code;
  return code === 0 ? 0 : scale.low * 10 ** (scale.step * (code - scale.first));
}

// Array with a reader: at(frame, index) is the number, or NaN where there is none.
async function readable(told, scale) {
  const codes = await decodeArray(told);
  const frame = told.shape[0] ? codes.length / told.shape[0] : 0;
  const used = scale || told.scale;
  return {
    codes, frame, shape: told.shape, scale: used,
    code: (n, index) => codes[n * frame + index],
    at: (n, index) => valueOf(used, codes[n * frame + index]),
  };
}
