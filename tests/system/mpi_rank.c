// An MPI program for the system tests: mpi_rank RANK exit|segv|abort CODE. All ranks meet; then RANK fails so, and the others
// wait for it in MPI.
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  int rank = 0;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Barrier(MPI_COMM_WORLD);
  if (rank == atoi(argv[1])) {
    fprintf(stderr, "rank %d says: %s\n", rank, argv[2]);
    if (strcmp(argv[2], "segv") == 0) raise(SIGSEGV);
    if (strcmp(argv[2], "abort") == 0) MPI_Abort(MPI_COMM_WORLD, atoi(argv[3]));
    exit(atoi(argv[3]));
  }
  MPI_Barrier(MPI_COMM_WORLD);
  MPI_Finalize();
  return 0;
}
