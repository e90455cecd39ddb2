def f(context):
    pass
