// A mask as a PNG file of one channel. A canvas would do it in four, and some end at 16 megapixels.

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const EIGHT_BITS = 8;
const GREY = 0;

/**
 * 255 where the mask is and 0 elsewhere.
 * @param {import("./rle.js").Runs} runs
 * @returns {Promise<Blob>}
 */
export async function maskPng(runs) {
  const { width, height, bounds } = runs;
  const rows = new Uint8Array((width + 1) * height); // the byte before each row names its filter, none
  for (let i = 0; i < bounds.length; i += 2) {
    for (let place = bounds[i]; place < bounds[i + 1]; place++) {
      rows[(place % height) * (width + 1) + Math.floor(place / height) + 1] = 255;
    }
  }
  const header = new DataView(new ArrayBuffer(13)); // its last three bytes are 0: deflate, no filter, no interlacing
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, EIGHT_BITS);
  header.setUint8(9, GREY);
  const parts = [chunk("IHDR", new Uint8Array(header.buffer)), chunk("IDAT", await deflated(rows)), chunk("IEND", new Uint8Array())];
  return new Blob([new Uint8Array(SIGNATURE), ...parts], { type: "image/png" });
}

async function deflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Length, name, content and checksum. */
function chunk(name, content) {
  const bytes = new Uint8Array(content.length + 12);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, content.length);
  bytes.set(new TextEncoder().encode(name), 4);
  bytes.set(content, 8);
  view.setUint32(content.length + 8, checksum(bytes.subarray(4, content.length + 8)));
  return bytes;
}

const TABLE = Uint32Array.from({ length: 256 }, (_, value) => {
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** CRC-32. */
function checksum(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
