// The number of the kernels' threads and the width of their vectors are one for the whole process.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
