"""Blood flow: incompressible Navier-Stokes on vessel meshes."""
