"""Checks ONNX files with onnx.checker, shape inference included, and says what is in them as one JSON object."""
import hashlib
import json
import sys

import onnx
from onnx import numpy_helper

found = {}
for path in sys.argv[1:]:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    shapes = lambda ports: {p.name: [d.dim_value for d in p.type.tensor_type.shape.dim] for p in ports}
    found[path] = {
        "ir": model.ir_version,
        "opsets": {o.domain: o.version for o in model.opset_import},
        "inputs": shapes(inferred.graph.input),
        "outputs": shapes(inferred.graph.output),
        "nodes": [n.op_type for n in model.graph.node],
        "weights": {
            t.name: hashlib.sha256(numpy_helper.to_array(t).tobytes()).hexdigest() for t in model.graph.initializer
        },
    }
json.dump(found, sys.stdout)
