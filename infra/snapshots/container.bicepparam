using '../main.bicep'

param environmentName = 'production'
param location = 'westeurope'
param principalId = '00000000-0000-0000-0000-000000000001'
param host = 'container'
param image = 'registry.example.org/fleet:1'
