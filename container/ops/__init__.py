"""Functions on arrays that know none of our types: paste, rle, polygons, argmax, contrast."""
