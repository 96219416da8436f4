// The count of live tensors is one for the whole process, so a test that watches it must run alone.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
