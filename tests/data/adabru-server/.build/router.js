// What stands here is a program of adabru-server; slicekeep never runs it.
