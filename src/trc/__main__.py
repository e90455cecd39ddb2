from trc.cli import main

main()
