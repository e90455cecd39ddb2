def load():
    raise ValueError('no rate for XYZ')
